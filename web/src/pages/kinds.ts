// SageMaker's kinds of resource as data, from the server's one table (/console/api/sagemaker). The page asks for it once,
// before it shows anything else.

import type { Json, JsonObject } from "../data/types";

export interface Kind {
  kind: string; // as the API names it
  slug: string; // in addresses
  singular: string;
  plural: string;
  hint: string; // what to do when there is none
  // Members of the API; "": the kind has none.
  name: string;
  arn: string;
  status: string;
  started: string;
  ended: string;
  has_log: boolean;
}

let known: Kind[] = [];
export const setKinds = (kinds: Kind[]): void => {
  known = kinds;
};
export const allKinds = (): readonly Kind[] => known;
export const kindBySlug = (slug: string): Kind | undefined => known.find((k) => k.slug === slug);
export const kindByName = (kind: string): Kind | undefined => known.find((k) => k.kind === kind);

// Members of a described resource, whatever is missing.
export function at(value: Json | undefined, ...path: string[]): Json | undefined {
  let here: Json | undefined = value;
  for (const key of path) {
    if (here === null || typeof here !== "object" || Array.isArray(here)) return undefined;
    here = here[key];
  }
  return here;
}
export const str = (value: Json | undefined, ...path: string[]): string => {
  const found = at(value, ...path);
  return typeof found === "string" ? found : "";
};
export const list = (value: Json | undefined, ...path: string[]): JsonObject[] => {
  const found = at(value, ...path);
  return Array.isArray(found) ? (found.filter((v) => v !== null && typeof v === "object") as JsonObject[]) : [];
};
export const object = (value: Json | undefined, ...path: string[]): JsonObject => {
  const found = at(value, ...path);
  return found !== null && typeof found === "object" && !Array.isArray(found) ? found : {};
};
