// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

import { createWidget } from './widget/widget';

declare const WITH_WIDGET: boolean;
declare global {
  interface Window {
    openHoliBot: () => void;
  }
}

if (WITH_WIDGET) window.openHoliBot = createWidget();
