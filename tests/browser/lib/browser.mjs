// Headless Chromium, and pages that remember everything that went wrong in them.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { session } from './session.mjs';

const SCREENSHOTS = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..', 'test-results');
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** The sizes that a page must look right at. */
export const PROJECTOR = { width: 1280, height: 720 };
export const PHONE = { width: 390, height: 844 };
export const DESKTOP = { width: 1920, height: 1080 };
export const SCHEMES = ['light', 'dark'];

/** Starts the browser that CHROMIUM names, Debian's otherwise. */
export async function launchBrowser() {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: FLAGS,
  });
  return {
    newPage: (options) => newPage(browser, options),
    close: () => browser.close(),
  };
}

/**
 * A page in a context of its own, signed in by `role` unless that is null. `origin` is the server's address: a request to any
 * other host is a fault. `expected` are patterns for faults that the spec provokes on purpose.
 */
async function newPage(browser, { origin, role = 'admin', javaScript = true, viewport = PROJECTOR, colorScheme = 'light', expected = [] }) {
  const context = await browser.newContext({
    baseURL: origin,
    javaScriptEnabled: javaScript,
    viewport,
    colorScheme,
    reducedMotion: 'reduce',
  });
  if (role) await context.addCookies([{ ...(await session(origin, role)), url: origin, httpOnly: true, sameSite: 'Lax' }]);
  const page = await context.newPage();
  const faults = [];
  const record = (fault) => {
    if (!expected.some((pattern) => pattern.test(fault))) faults.push(fault);
  };
  page.on('console', (message) => {
    const text = message.text();
    if (message.type() === 'error' || (message.type() === 'warning' && /hydrat|mismatch|panick/i.test(text))) {
      record(`console ${message.type()}: ${text} (${message.location().url})`);
    }
  });
  page.on('pageerror', (error) => record(`page error: ${error.message}`));
  page.on('request', (request) => {
    const url = new URL(request.url());
    if (/^https?:$/.test(url.protocol) && url.origin !== new URL(origin).origin) {
      record(`request to another host: ${url}`);
    }
  });
  page.on('requestfailed', (request) => {
    const reason = request.failure()?.errorText ?? 'unknown';
    // Leaving a page ends its event stream and whatever it was still loading.
    // Without JavaScript the browser itself refuses the scripts.
    if (reason !== 'net::ERR_ABORTED' && (javaScript || reason !== 'csp')) record(`request failed: ${request.url()}: ${reason}`);
  });
  page.on('response', (response) => {
    if (response.status() >= 400) record(`HTTP ${response.status()}: ${response.request().method()} ${response.url()}`);
  });

  return Object.assign(page, {
    /** What went wrong so far. */
    faults: () => [...faults],
    /** Fails when anything went wrong in the page. */
    assertClean() {
      assert.deepEqual(faults, [], `faults on ${page.url()}`);
    },
    /** Keeps a picture of the whole page in test-results/, to be looked at. */
    async picture(name) {
      mkdirSync(SCREENSHOTS, { recursive: true });
      await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), fullPage: true });
    },
  });
}
