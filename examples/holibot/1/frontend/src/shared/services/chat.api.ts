// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

const API_BASE_URL: string = import.meta.env.VITE_API_BASE_URL;

export type Poi = { name: string; category: string; town: string; features: string[] };
export type Message = { role: 'user' | 'assistant'; content: string };
export type Answer = { sessionId: string; message: string; pois: Poi[] };
export type Session = { sessionId: string; history: Message[]; pois: Poi[] };

async function request<T>(path: string, options: RequestInit = {}): Promise<T> {
  const response = await fetch(`${API_BASE_URL}/chat${path}`, options);
  const body = await response.json();
  if (!response.ok) throw Object.assign(new Error(body.error), { status: response.status });
  return body as T;
}

export const sendMessage = (query: string, sessionId?: string): Promise<Answer> =>
  request('/message', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ query, sessionId }),
  });

export const getSession = (sessionId: string): Promise<Session> => request(`/session/${sessionId}`);

export const deleteSession = (sessionId: string): Promise<{ deleted: boolean }> =>
  request(`/session/${sessionId}`, { method: 'DELETE' });
