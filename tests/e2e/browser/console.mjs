// node console.mjs CHROMIUM ENDPOINT RUN_ID PICTURES
// Watches the run in the console from its first moments to its end, then walks through all pages.
// Prints one JSON object; exits with 1 and a sentence when something is not as a person would want it.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { chromium } from "playwright-core";

const [, , executablePath, endpoint, runId, pictures] = process.argv;
const RUN_LIMIT = 120_000; // ms
const profile = mkdtempSync(join(tmpdir(), "millrace-browser-"));

const context = await chromium.launchPersistentContext(profile, {
  executablePath,
  viewport: { width: 1280, height: 800 },
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync"],
});
const problems = [];
const report = { seenRunning: false, tasks: 0, pages: 0 };
let page;

async function picture(name) {
  await page.screenshot({ path: join(pictures, `${name}.png`), fullPage: true });
}

async function open(hash, wait) {
  await page.goto(`${endpoint}/${hash}`);
  await page.waitForSelector(wait, { timeout: 10_000 });
  const wide = await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);
  assert.ok(!wide, `${hash} is wider than 1280 pixels`);
  assert.equal(await page.locator('[role="alert"]').count(), 0, `${hash} shows a problem`);
  report.pages += 1;
}

try {
  page = await context.newPage();
  page.on("console", (message) => message.type() === "error" && problems.push(`console: ${message.text()}`));
  page.on("pageerror", (error) => problems.push(`script: ${error.message}`));
  page.on("request", (request) => {
    if (!request.url().startsWith(endpoint) && !request.url().startsWith("data:")) problems.push(`request to ${request.url()}`);
  });

  // The graph, live: no reload from here to the run's end.
  await open(`#/runs/details/${runId}`, ".graph [data-task]");
  await page.evaluate(() => {
    window.seen = new Set();
    const look = () => document.querySelectorAll("[data-task]").forEach((n) => window.seen.add(`${n.dataset.task} ${n.dataset.state}`));
    look();
    new MutationObserver(look).observe(document.body, { subtree: true, childList: true, attributes: true });
  });
  report.tasks = await page.locator("[data-task]").count();

  // A task by keyboard: focus it, Enter opens its panel; the log tab shows what it writes.
  await page.locator("[data-task]").first().focus();
  await page.keyboard.press("Enter");
  await page.waitForSelector(".panel");
  await page.getByRole("tab", { name: "Log" }).click();
  await page.waitForFunction(() => (document.querySelector(".panel .log")?.textContent ?? "").trim().length > 20, null, { timeout: 30_000 });
  await picture("run-live");

  await page.waitForFunction(
    () => [...document.querySelectorAll("[data-task]")].every((n) => ["SUCCEEDED", "FAILED"].includes(n.dataset.state)),
    null,
    { timeout: RUN_LIMIT },
  );
  const seen = await page.evaluate(() => [...window.seen]);
  report.seenRunning = seen.some((s) => s.endsWith(" RUNNING"));
  assert.ok(!seen.some((s) => s.endsWith(" FAILED")), `a task failed: ${seen}`);
  await page.waitForSelector('.page-head [data-state="SUCCEEDED"]');

  // What each task was given and gave; the address names the task, so that it can be sent to somebody.
  for (const node of await page.locator("[data-task]").all()) {
    await node.click();
    await page.getByRole("tab", { name: "Input and output" }).click();
    await page.waitForSelector('.panel-body section:first-of-type .parameters');
  }
  assert.match(page.url(), /\?task=/);
  const tune = page.locator('[data-task*="hyperparameter-tuning"]');
  await tune.click();
  const outputs = await page.locator(".panel-body section").first().innerText();
  for (const word of ["best_hyperparameters", "extra_center_factor", "mini_batch_size"]) assert.ok(outputs.includes(word), `${word} in ${outputs}`);
  await picture("run-done");

  // Lists, and a page for each kind.
  await open("#/", ".tile");
  await picture("overview");
  await open("#/runs", `a[href*="${runId}"]`);
  for (const [slug, wanted] of [
    ["processing-jobs", "kmeans_preprocessing.py"],
    ["training-jobs", "test:msd"],
    ["tuning-jobs", "extra_center_factor"],
    ["transform-jobs", "text/csv"],
    ["models", "model.tar.gz"],
    ["endpoint-configs", "Production variants"],
    ["endpoints", "In service"],
  ]) {
    await open(`#/sagemaker/${slug}`, "tbody a");
    await picture(slug);
    await page.locator("tbody a").first().click();
    await page.waitForFunction((text) => document.querySelector("main")?.innerText.includes(text), wanted, { timeout: 15_000 });
    await page.waitForSelector(".arn");
    assert.equal(await page.locator('[role="alert"]').count(), 0, `${slug}: a problem on its page`);
    await picture(`${slug}-one`);
  }
  await open("#/sagemaker/tuning-jobs", "tbody a");
  await page.locator("tbody a").first().click();
  await page.waitForSelector(".chart .dot.winner");
  assert.equal(await page.locator(".chart .dot").count(), 3, "one dot a training job");

  await open("#/sagemaker/training-jobs", "tbody a");
  await page.locator("tbody a").first().click();
  await page.waitForFunction(() => (document.querySelector(".log")?.textContent ?? "").includes("#quality_metric"), null, { timeout: 15_000 });

  await open("#/storage", "tbody a");
  await open("#/experiments", "tbody a");
  await page.locator("tbody a").first().click();
  await page.waitForSelector("h1");

  // Dark, and narrow.
  await page.emulateMedia({ colorScheme: "dark" });
  await open(`#/runs/details/${runId}`, ".graph [data-task]");
  await picture("run-dark");
  await page.emulateMedia({ colorScheme: "light" });

  // What does not exist says so.
  await page.goto(`${endpoint}/#/runs/details/00000000-0000-0000-0000-000000000000`);
  await page.waitForSelector('[role="alert"]');
  const expected = problems.filter((p) => !p.includes("404"));
  assert.deepEqual(expected, [], expected.join("\n"));
  console.log(JSON.stringify(report));
} catch (error) {
  await picture("failed").catch(() => {});
  console.error(`${error.message}\n${problems.join("\n")}\nat ${page?.url()}`);
  process.exitCode = 1;
} finally {
  await context.close();
  rmSync(profile, { recursive: true, force: true });
}
