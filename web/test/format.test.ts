import assert from "node:assert/strict";
import { test } from "node:test";

import { awsTime, bytes, duration, number, span } from "../src/data/format";
import { ticks } from "../src/parts/chart";
import { parseRoute } from "../src/router";

test("durations", () => {
  assert.equal(duration(40), "0.04 s");
  assert.equal(duration(2345), "2.3 s");
  assert.equal(duration(61_000), "1 min 1 s");
  assert.equal(duration(3_720_000), "1 h 2 min");
  assert.equal(span(undefined, undefined, 5), "–");
  assert.equal(span(10_000, undefined, 9_000), "0.00 s"); // the browser's clock may be behind the server's
});

test("numbers, bytes, AWS's times", () => {
  assert.equal(number(39.23617), "39.2362");
  assert.equal(number(10), "10");
  assert.equal(bytes(159_200_000), "159.2 MB");
  assert.equal(awsTime(1.5), 1500);
  assert.equal(awsTime("1970-01-01T00:00:02Z"), 2000);
  assert.equal(awsTime("soon"), undefined);
});

test("ticks are round and within the range", () => {
  assert.deepEqual(ticks(39.2, 39.5, 3), [39.2, 39.3, 39.4, 39.5]);
  assert.deepEqual(ticks(5, 5, 3), [5]);
});

test("addresses as the SDK prints them", () => {
  assert.deepEqual(parseRoute("#/runs/details/ab-1").parts, ["runs", "details", "ab-1"]);
  assert.equal(parseRoute("#/runs/details/x?task=root%2Ftrain").query.get("task"), "root/train");
  assert.deepEqual(parseRoute("").parts, []);
  assert.deepEqual(parseRoute("#/a/%zz").parts, ["a", "%zz"]);
});
