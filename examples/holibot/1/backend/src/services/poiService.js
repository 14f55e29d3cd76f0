// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

'use strict';

// Which points of interest a question is about.

const POIS = require('../data/pois.json');

const has = (text, words) => text.includes(words.toLowerCase());

/** Of all of them those that a question names, or of those before the ones that fit what it adds. */
function findPois(query, before = []) {
  const text = query.toLowerCase();
  const isOfKind = ({ category }) => has(text, category);
  const isNewKind = POIS.some(isOfKind) || before.length === 0;
  const isOfTown = POIS.some(({ town }) => has(text, town)) ? ({ town }) => has(text, town) : () => true;
  const wanted = new Set(POIS.flatMap(({ features }) => features).filter((feature) => has(text, feature)));
  return (isNewKind ? POIS.filter(isOfKind) : before)
    .filter(isOfTown)
    .filter(({ features }) => [...wanted].every((feature) => features.includes(feature)));
}

module.exports = { findPois };
