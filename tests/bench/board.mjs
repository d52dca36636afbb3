// node board.mjs CHROMIUM URL TOKEN TIMES FOLDER: milliseconds from the navigation to the first painted card of the board, in a browser without anything
// cached. Chromium is driven by its own protocol through a pipe: nothing has to be installed for it.
import { spawn } from 'node:child_process';
import { join } from 'node:path';

const [chromium, url, token, times, folder] = process.argv.slice(2);
const browser = spawn(chromium, [
	'--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
	`--user-data-dir=${join(folder, 'browser')}`, '--remote-debugging-pipe', 'about:blank',
], { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
const waiting = new Map();
let number = 0;
let held = '';
browser.stdio[4].setEncoding('utf8').on('data', (text) => {
	const parts = (held + text).split('\0');
	held = parts.pop();
	for (const part of parts) {
		const { id, result, error } = JSON.parse(part);
		const wait = waiting.get(id);
		waiting.delete(id);
		if (wait) error ? wait.reject(new Error(error.message)) : wait.resolve(result);
	}
});
function send(method, params = {}, sessionId = undefined) {
	const id = ++number;
	browser.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
	return new Promise((resolve, reject) => waiting.set(id, { resolve, reject }));
}

// In the page, before its own scripts: when what is looked for stands there, the frame behind the next one has it painted.
const look = (selector) => `(() => {
	const seen = () => {
		if (window.__at || !document.querySelector(${JSON.stringify(selector)})) return;
		window.__at = -1;
		requestAnimationFrame(() => requestAnimationFrame(() => { window.__at = performance.now(); }));
	};
	new MutationObserver(seen).observe(document, { childList: true, subtree: true });
})()`;

async function once(path, selector) {
	const { browserContextId } = await send('Target.createBrowserContext');
	const { targetId } = await send('Target.createTarget', { url: 'about:blank', browserContextId });
	const { sessionId } = await send('Target.attachToTarget', { targetId, flatten: true });
	await send('Network.enable', {}, sessionId);
	await send('Network.setExtraHTTPHeaders', { headers: { Authorization: `Bearer ${token}` } }, sessionId);
	await send('Page.enable', {}, sessionId);
	await send('Page.addScriptToEvaluateOnNewDocument', { source: look(selector) }, sessionId);
	await send('Page.navigate', { url: url + path }, sessionId);
	const end = Date.now() + 60000;
	for (;;) {
		const { result } = await send('Runtime.evaluate', { expression: 'window.__at ?? 0' }, sessionId);
		if (result.value > 0) {
			await send('Target.disposeBrowserContext', { browserContextId });
			return result.value;
		}
		if (Date.now() > end) {
			const { result: text } = await send('Runtime.evaluate', { expression: 'document.body.innerText.slice(0, 400)' }, sessionId);
			throw new Error(`${path}: no ${selector} within a minute: ${text.value}`);
		}
		await new Promise((wake) => setTimeout(wake, 20));
	}
}

try {
	await once('/way', '[data-card]'); // the browser's own first page
	const ms = [];
	for (let i = 0; i < Number(times); i++) ms.push(await once('/way', '[data-card]'));
	ms.sort((a, b) => a - b);
	console.log(`${ms[Math.floor(ms.length / 2)].toFixed(0)} ${ms[ms.length - 1].toFixed(0)}`);
} catch (problem) {
	console.error(String(problem));
	process.exitCode = 1;
}
browser.kill();
