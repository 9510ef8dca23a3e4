// Hash routes, as Kubeflow Pipelines has them: #/runs/details/<id>. The SDK prints such links.

import { useSyncExternalStore } from "react";

function subscribe(listener: () => void): () => void {
  window.addEventListener("hashchange", listener);
  return () => window.removeEventListener("hashchange", listener);
}

export interface Route {
  parts: string[];
  query: URLSearchParams;
}

export function parseRoute(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const parts = path
    .split("/")
    .filter((p) => p !== "")
    .map((p) => {
      try {
        return decodeURIComponent(p);
      } catch {
        return p;
      }
    });
  return { parts, query: new URLSearchParams(query) };
}

export function useRoute(): Route {
  return parseRoute(useSyncExternalStore(subscribe, () => window.location.hash));
}

export function go(hash: string): void {
  window.location.hash = hash;
}

const part = encodeURIComponent;
export const links = {
  run: (id: string, task?: string) => `#/runs/details/${part(id)}${task ? `?task=${part(task)}` : ""}`,
  experiment: (id: string) => `#/experiments/details/${part(id)}`,
  pipeline: (id: string) => `#/pipelines/details/${part(id)}`,
  resources: (slug: string) => `#/sagemaker/${slug}`,
  resource: (slug: string, name: string) => `#/sagemaker/${slug}/${part(name)}`,
  bucket: (bucket: string, prefix = "") => `#/storage/${part(bucket)}${prefix ? `?prefix=${part(prefix)}` : ""}`,
};
