// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// The providers that the application knows, and where each stands unless an administrator says otherwise.
export const PRIORITIES: Record<string, number> = { gemini: 10, groq: 20, openrouter: 30, openai: 40, anthropic: 50 };
