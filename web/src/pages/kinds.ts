// SageMaker's kinds of resource as data: names of the members that every page needs.

import type { Json, JsonObject } from "../data/types";

export interface Kind {
  kind: string; // as the API names it
  slug: string; // in addresses
  one: string;
  many: string;
  name: string; // member that holds the name
  arn: string;
  status?: string;
  started?: string;
  ended?: string;
  hasLog: boolean;
  made: string; // what to do when there is none
}

export const KINDS: Kind[] = [
  {
    kind: "ProcessingJob",
    slug: "processing-jobs",
    one: "Processing job",
    many: "Processing jobs",
    name: "ProcessingJobName",
    arn: "ProcessingJobArn",
    status: "ProcessingJobStatus",
    started: "ProcessingStartTime",
    ended: "ProcessingEndTime",
    hasLog: true,
    made: "A processing job runs a script over data in S3. The lab's pipeline starts with one.",
  },
  {
    kind: "TrainingJob",
    slug: "training-jobs",
    one: "Training job",
    many: "Training jobs",
    name: "TrainingJobName",
    arn: "TrainingJobArn",
    status: "TrainingJobStatus",
    started: "TrainingStartTime",
    ended: "TrainingEndTime",
    hasLog: true,
    made: "A training job fits a model to data in S3. Pipelines with the training component make them, and so does aws sagemaker create-training-job.",
  },
  {
    kind: "HyperParameterTuningJob",
    slug: "tuning-jobs",
    one: "Tuning job",
    many: "Tuning jobs",
    name: "HyperParameterTuningJobName",
    arn: "HyperParameterTuningJobArn",
    status: "HyperParameterTuningJobStatus",
    started: "CreationTime",
    ended: "HyperParameterTuningEndTime",
    hasLog: false,
    made: "A tuning job starts training jobs with different hyperparameters and keeps the best.",
  },
  {
    kind: "TransformJob",
    slug: "transform-jobs",
    one: "Transform job",
    many: "Transform jobs",
    name: "TransformJobName",
    arn: "TransformJobArn",
    status: "TransformJobStatus",
    started: "TransformStartTime",
    ended: "TransformEndTime",
    hasLog: true,
    made: "A transform job sends a whole data set through a model.",
  },
  {
    kind: "Model",
    slug: "models",
    one: "Model",
    many: "Models",
    name: "ModelName",
    arn: "ModelArn",
    hasLog: false,
    made: "A model is an image and the artifacts of a training job. The model component makes one.",
  },
  {
    kind: "EndpointConfig",
    slug: "endpoint-configs",
    one: "Endpoint configuration",
    many: "Endpoint configurations",
    name: "EndpointConfigName",
    arn: "EndpointConfigArn",
    hasLog: false,
    made: "An endpoint configuration says which models an endpoint serves, and on what machines. The deploy component makes one.",
  },
  {
    kind: "Endpoint",
    slug: "endpoints",
    one: "Endpoint",
    many: "Endpoints",
    name: "EndpointName",
    arn: "EndpointArn",
    status: "EndpointStatus",
    hasLog: true,
    made: "An endpoint answers requests with a model. The deploy component makes one.",
  },
];

export const kindBySlug = (slug: string): Kind | undefined => KINDS.find((k) => k.slug === slug);
export const kindByName = (kind: string): Kind => KINDS.find((k) => k.kind === kind)!;

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
