// What the page tests share: one browser, pages that know who asks, pushes, pictures, and what axe says.
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import assert from 'node:assert/strict';
import { chromium } from 'playwright-core';

const { CHROMIUM, PENSTOCK, WEB_URL, WEB_TOKEN, WEB_TREE, WEB_DATA, WEB_SHOTS } = process.env;
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export const url = WEB_URL;
export const token = WEB_TOKEN;

export async function api(path, init = {}) {
	const response = await fetch(`${WEB_URL}/api/v1${path}`, { ...init, headers: { Authorization: `Bearer ${WEB_TOKEN}`, ...init.headers } });
	return { status: response.status, headers: response.headers, body: await response.json().catch(() => null) };
}
export async function until(what, fn, seconds = 30) {
	const end = Date.now() + seconds * 1000;
	for (;;) {
		const value = await fn();
		if (value) return value;
		if (Date.now() > end) throw new Error(`not within ${seconds} s: ${what}`);
		await new Promise((wake) => setTimeout(wake, 60));
	}
}

// Files changed and pushed as one commit: {path: text}. Returns the commit.
export function push(subject, files, author = 'Grace Lee') {
	for (const [path, text] of Object.entries(files)) {
		mkdirSync(join(WEB_TREE, path, '..'), { recursive: true });
		writeFileSync(join(WEB_TREE, path), text);
	}
	const git = (...args) => execFileSync('git', ['-C', WEB_TREE, '-c', `user.name=${author}`, ...args], { encoding: 'utf8', env: { ...process.env, GIT_AUTHOR_NAME: author, GIT_AUTHOR_EMAIL: 'grace@shop.example' }, stdio: ['ignore', 'pipe', 'ignore'] }).trim();
	git('add', '-A');
	git('commit', '--quiet', '--allow-empty', '-m', subject);
	git('push', '--quiet', 'origin', 'HEAD:main');
	return git('rev-parse', 'HEAD');
}
export const runOf = (commit) => until(`a run of ${commit.slice(0, 8)}`, async () => (await api('/runs?limit=20')).body.runs.find((r) => r.change?.commit === commit));
const over = new Set(['passed', 'failed', 'cancelled', 'superseded']);
export const ended = (id) => until(`${id} ends`, async () => { const run = (await api(`/runs/${id}`)).body; return over.has(run.state) ? run : null; }, 90);
export const penstock = (...args) => execFileSync(PENSTOCK, [...args, '--data', WEB_DATA], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

let asked;
function eventsAreTheJournals() {
	asked ??= (async () => {
		const stop = new AbortController();
		const response = await fetch(`${WEB_URL}/api/v1/events`, { headers: { Authorization: `Bearer ${WEB_TOKEN}`, Accept: 'text/event-stream' }, signal: stop.signal });
		stop.abort();
		return response.status === 404;
	})();
	return asked;
}

let browser;
export async function launch() {
	browser ??= await chromium.launch({
		executablePath: CHROMIUM,
		args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
	});
	return browser;
}
export async function close() {
	await browser?.close();
}

// A page of somebody with the administrator's token. Whatever leaves for another host, or is said on the console, fails the test that asks
// for it by quiet().
// A page that sends a stranger to the sign-in may do so before it was loaded: that is no failure.
export async function go(page, url) {
	await page.goto(url, { waitUntil: 'load' }).catch((err) => {
		if (!/interrupted by another navigation|ERR_ABORTED/.test(err.message)) throw err;
	});
}

// A daemon that nothing has come to: for what is said then, whatever other tests did before.
export async function emptyDaemon() {
	const { WEB_EMPTY } = process.env;
	const data = mkdtempSync(join(tmpdir(), 'penstock-empty-'));
	const child = spawn(PENSTOCK, ['serve', '--data', data, ...WEB_EMPTY.split(' ')], { stdio: ['ignore', 'pipe', 'ignore'] });
	let said = '';
	child.stdout.on('data', (text) => (said += text));
	const over = new Promise((end) => child.on('exit', end));
	const stop = async () => {
		child.kill();
		await over;
		rmSync(data, { recursive: true, force: true });
	};
	try {
		const token = (await until('the token of the first start', () => /pst_[A-Za-z0-9_-]+/.exec(said)))[0];
		const url = `http://127.0.0.1:${WEB_EMPTY.split(' ')[1]}`;
		await until('the daemon answers', () => fetch(`${url}/readyz`).then((r) => r.ok, () => false));
		return { url, token, stop };
	} catch (problem) {
		await stop();
		throw problem;
	}
}

export async function open(path, { width = 1280, height = 800, theme = 'light', stranger = false, motion = 'reduce', csp = true, of = { url: WEB_URL, token: WEB_TOKEN } } = {}) {
	const context = await (await launch()).newContext({
		viewport: { width, height }, colorScheme: theme, reducedMotion: motion, bypassCSP: !csp, permissions: ['clipboard-read', 'clipboard-write'],
		...(stranger ? {} : { extraHTTPHeaders: { Authorization: `Bearer ${of.token}` } }),
	});
	const page = await context.newPage();
	const said = [];
	page.on('console', (m) => m.type() === 'error' && !/status of (401|403|404)/.test(m.text()) && said.push(m.text()));
	page.on('pageerror', (e) => said.push(String(e.stack ?? e)));
	page.on('request', (r) => !r.url().startsWith(of.url) && !r.url().startsWith('data:') && said.push(`asked elsewhere: ${r.url()}`));
	page.quiet = () => assert.deepEqual(said, []);
	// A daemon that has its events at the journal only: the same bytes from there.
	if (await eventsAreTheJournals()) await context.route('**/api/v1/events', (route) => route.continue({ url: `${WEB_URL}/api/v1/journal?follow=1` }));
	await go(page, of.url + path);
	return page;
}

// In both themes and at both widths: nothing wider than the screen, nothing serious by axe; a picture of each when asked for.
// few: for a second view of a page, wide and light, narrow and dark.
export async function looks(name, path, ready, { few = false } = {}) {
	for (const [width, height] of [[1280, 800], [400, 800]])
		for (const theme of few ? [width > 400 ? 'light' : 'dark'] : ['light', 'dark']) {
			// axe is put into the page by hand, which the policy of the page forbids to everybody.
			const page = await open(path, { width, height, theme, csp: false });
			await page.waitForSelector(ready);
			await page.evaluate(() => Promise.all(document.getAnimations().map((a) => (a.effect?.getTiming().iterations === Infinity ? null : a.finished.catch(() => null)))));
			if (WEB_SHOTS) {
				mkdirSync(WEB_SHOTS, { recursive: true });
				await page.screenshot({ path: join(WEB_SHOTS, `${name}-${width}-${theme}.png`), fullPage: true });
			}
			const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
			assert.ok(wide <= 0, `${name} at ${width} px is ${wide} px too wide`);
			const cut = await page.evaluate(() => [...document.querySelectorAll('.table-wrap')].filter((t) => t.scrollWidth > t.clientWidth + 1).map((t) => t.getAttribute('aria-label')));
			assert.deepEqual(cut, [], `${name} at ${width} px: a table goes on beyond its edge`);
			await page.evaluate(axe);
			const found = await page.evaluate(async () => (await globalThis.axe.run()).violations.filter((v) => v.impact === 'serious' || v.impact === 'critical').map((v) => `${v.id}: ${v.nodes.map((n) => n.html.slice(0, 200)).slice(0, 3).join(' | ')}`));
			assert.deepEqual(found, [], `${name} at ${width} px, ${theme}`);
			page.quiet();
			await page.context().close();
		}
}
