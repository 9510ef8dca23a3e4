// Requests to the server. An answer that is no success becomes an Error whose message is the server's sentence.

import type { Json } from "./types";

export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

function sentence(body: Json, status: number): string {
  if (body && typeof body === "object" && !Array.isArray(body)) {
    for (const key of ["message", "error_message", "error"]) {
      const text = body[key];
      if (typeof text === "string" && text) return text;
    }
  }
  return `the server answered ${status}`;
}

export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  let response: Response;
  try {
    response = await fetch(path, { headers: { accept: "application/json" }, signal: signal ?? null });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, "the server does not answer");
  }
  const text = await response.text();
  let body: Json = null;
  try {
    body = JSON.parse(text) as Json;
  } catch {
    if (response.ok) throw new ApiError(response.status, "the server's answer is not JSON");
  }
  if (!response.ok) throw new ApiError(response.status, sentence(body, response.status));
  return body as T;
}

const part = encodeURIComponent;

export const paths = {
  overview: () => "/console/api/overview",
  runs: () => "/console/api/runs",
  run: (id: string) => `/console/api/runs/${part(id)}`,
  taskLog: (run: string, task: string, offset: number) =>
    `/console/api/runs/${part(run)}/tasks/${part(task)}/log?offset=${offset}`,
  kinds: () => "/console/api/sagemaker",
  resources: (kind: string) => `/console/api/sagemaker/${kind}`,
  resource: (kind: string, name: string) => `/console/api/sagemaker/${kind}/${part(name)}`,
  resourceLog: (kind: string, name: string, stream: string, skip: number) =>
    `/console/api/sagemaker/${kind}/${part(name)}/log?stream=${part(stream)}&skip=${skip}`,
  tuningJobs: (name: string) => `/console/api/sagemaker/HyperParameterTuningJob/${part(name)}/training-jobs`,
  buckets: () => "/console/api/s3",
  objects: (bucket: string, prefix: string) => `/console/api/s3/${part(bucket)}?prefix=${part(prefix)}`,
};
