// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

export type ApiResponse<T> = { ok: boolean; status: number; data: T };

export class ApiClient {
  token: string | null = null;

  async request<T>(path: string, options: RequestInit = {}): Promise<ApiResponse<T>> {
    const headers: Record<string, string> = typeof options.body === 'string' ? { 'Content-Type': 'application/json' } : {};
    if (this.token) headers.Authorization = `Bearer ${this.token}`;
    const response = await fetch(path, { ...options, headers });
    return { ok: response.ok, status: response.status, data: (await response.json()) as T };
  }

  async getSKUConfig(skuCode: string): Promise<ApiResponse<any>> {
    return this.request<any>(`/api/skus/${skuCode}/config`);
  }

  async validateSKUInputs(skuCode: string, inputs: any): Promise<ApiResponse<any>> {
    return this.request<any>(`/api/skus/${skuCode}/validate`, {
      method: 'POST',
      body: JSON.stringify({ customer_inputs: inputs }),
    });
  }

  async createAdvancedJob(skuCode: string, customerInputs: any, orderId?: number): Promise<ApiResponse<any>> {
    return this.request<any>('/api/jobs/create-advanced', {
      method: 'POST',
      body: JSON.stringify({ sku_code: skuCode, customer_inputs: customerInputs, order_id: orderId }),
    });
  }

  async getJobStatus(jobId: number): Promise<ApiResponse<any>> {
    return this.request<any>(`/api/jobs/${jobId}/status`);
  }

  async uploadMedia(file: File, resourceType: string = 'auto'): Promise<ApiResponse<any>> {
    const formData = new FormData();
    formData.append('file', file);
    formData.append('resource_type', resourceType);
    return this.request<any>('/api/upload/media', { method: 'POST', body: formData });
  }

  async getA2EAvatars(): Promise<ApiResponse<any>> {
    return this.request<any>('/api/a2e/avatars');
  }

  async getA2EVoices(): Promise<ApiResponse<any>> {
    return this.request<any>('/api/a2e/voices');
  }
}
