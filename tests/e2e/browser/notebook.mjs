// node notebook.mjs CHROMIUM ADDRESS CODE_CELLS PICTURES
// Opens the notebook in JupyterLab at ADDRESS (with its token), chooses "Run All Cells", waits until every cell has run, looks at
// what they show, and saves. Prints one JSON object: the prompts of the cells, and the pictures that are shown.
// Exits with 1 and a sentence when something is not as a person would want it.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { chromium } from "playwright-core";

const [, , executablePath, address, codeCells, pictures] = process.argv;
const OPEN_LIMIT = 60_000, RUN_LIMIT = 240_000; // ms
const profile = mkdtempSync(join(tmpdir(), "millrace-browser-"));

const context = await chromium.launchPersistentContext(profile, {
  executablePath,
  viewport: { width: 1400, height: 1000 },
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync"],
});
let page;
const prompts = () =>
  page.locator(".jp-Notebook .jp-CodeCell").evaluateAll((cells) =>
    cells.map((cell) => cell.querySelector(".jp-InputArea-prompt")?.textContent?.trim() ?? ""));

try {
  page = await context.newPage();
  await page.goto(address);
  await page.waitForSelector(".jp-Notebook .jp-CodeCell", { timeout: OPEN_LIMIT });
  // The kernel has been started when the status bar says that it waits for work.
  await page.waitForFunction(() => /Python 3.*\|\s*Idle/.test(document.querySelector("#jp-bottom-panel")?.textContent ?? ""), null, {
    timeout: OPEN_LIMIT,
  });

  await page.locator(".lm-MenuBar-item", { hasText: /^Run$/ }).click();
  await page.locator(".lm-Menu-item", { hasText: /^Run All Cells$/ }).click();
  const end = Date.now() + RUN_LIMIT;
  let seen = [];
  do {
    assert.ok(Date.now() < end, `not every cell has run: ${seen}`);
    await page.waitForTimeout(500);
    seen = await prompts();
    assert.equal(await page.locator('.jp-OutputArea-output[data-mime-type="application/vnd.jupyter.error"]').count(), 0, `a cell failed: ${seen}`);
  } while (seen.length !== Number(codeCells) || !seen.every((prompt) => /^\[\d+\]:$/.test(prompt)));

  // Ten digits in one picture, with a title each: as wide as the page has room for.
  const shown = [];
  for (const image of await page.locator(".jp-Notebook .jp-OutputArea img").all()) {
    await image.scrollIntoViewIfNeeded();
    shown.push(await image.evaluate((one) => ({ width: one.naturalWidth, height: one.naturalHeight, seen: one.checkVisibility() })));
    await page.screenshot({ path: join(pictures, `notebook-${shown.length}.png`) });
  }
  await page.locator(".jp-Notebook").click({ position: { x: 2, y: 2 } });
  await page.keyboard.press("Control+s");
  await page.waitForFunction(() => !document.title.startsWith("*") && !document.querySelector(".jp-mod-dirty"), null, { timeout: 30_000 });
  console.log(JSON.stringify({ prompts: seen, shown }));
} catch (error) {
  await page?.screenshot({ path: join(pictures, "notebook-failed.png") }).catch(() => {});
  console.error(`${error.message}\nat ${page?.url()}`);
  process.exitCode = 1;
} finally {
  await context.close();
  rmSync(profile, { recursive: true, force: true });
}
