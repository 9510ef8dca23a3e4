// What the server's console API answers (src/console/api.cpp). Times are milliseconds since 1970.

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

export interface Task {
  id: string;
  name: string;
  display_name: string;
  parent_id: string;
  state: string;
  pod_name: string;
  depends_on: string[];
  is_dag: boolean;
  attempt: number; // of the newest start, from 1; 0: never started
  cached: boolean; // succeeded without running: the outputs of an earlier task
  created?: number;
  started?: number;
  ended?: number;
  error: string;
  image: string;
  inputs: JsonObject;
  outputs: JsonObject;
}

export interface Run {
  id: string;
  display_name: string;
  pipeline_name: string;
  experiment_id: string;
  state: string;
  error: string;
  created: number;
  finished?: number;
  tasks?: Task[];
}

export interface TaskLog {
  text: string;
  next_offset: number;
  complete: boolean;
}

export interface JobLog {
  streams: string[];
  stream: string;
  events: { at: number; message: string }[];
  next: number;
}

export interface Overview {
  runs: Run[];
  counts: { [kind: string]: { [status: string]: number } };
}

export interface Listing {
  buckets?: { name: string; created: number }[];
  folders?: string[];
  objects?: { key: string; size: number; modified: number; etag: string; content_type: string }[];
  truncated?: boolean;
}
