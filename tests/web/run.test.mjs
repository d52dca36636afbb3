// One run: the waterfall, a log of 200,000 lines, the line that is linked, tests with the failure first, why, and what can be done.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { api, close, ended, looks, open, push, runOf, until } from './lib.mjs';

after(close);
let run;
let page;
const job = (name) => `${run.id}/ci/lab/${name}`;
const count = Date.now(); // other inputs than any run before: nothing comes from the cache

test('a run is seen to run', async () => {
	if (!(await api('/runs?limit=1')).body.runs.length) await ended((await runOf(push('The first push touches all', { 'lab/salt': 'none' }))).id);
	run = await runOf(push('lab: round half up', { 'lab/mood': 'bad', 'lab/salt': `${count}` }));
	page = await open(`/runs/${run.id}`);
	await page.getByRole('heading', { name: 'lab: round half up' }).waitFor();
	await page.locator(`[data-job="${job('colors')}"]`).waitFor();
	await page.locator(`[data-job="${job('units')}"]`).getByLabel('failed').waitFor({ timeout: 60000 });
	await page.locator('.wf-row.critical').first().waitFor();
	await page.locator('main time').first().focus();
	assert.match(await page.getByRole('tooltip').innerText(), /\d{4}.*\d\d:\d\d:\d\d/, 'the exact time');
});

test('what failed is at hand: cause, test, text', async () => {
	await page.goto(page.url());
	const panel = page.locator('.job-panel');
	await panel.getByText('Likely cause').waitFor();
	await panel.getByRole('tab', { name: /Tests/ }).click();
	await panel.getByText('lab.rounding.half_up', { exact: true }).waitFor();
	assert.match(await panel.innerText(), /wanted 3 cents, got 4/);
	assert.match(await panel.innerText(), /30 passed[\s\S]*1 failed[\s\S]*1 skipped/);
	await page.waitForURL(/tab=tests/);
	await panel.getByRole('tab', { name: 'Why' }).click();
	await panel.getByText(`penstock why ${job('units')}`).waitFor();
	await panel.getByRole('tab', { name: 'Key' }).click();
	await panel.getByRole('rowheader', { name: 'toolchain' }).waitFor();
});

test('the graph of the jobs can be scrolled to its right end', async () => {
	const narrow = await open(`/runs/${run.id}?view=graph&job=-`, { width: 400 });
	const box = narrow.locator('.jobs-graph');
	await box.locator('.node').first().waitFor();
	await box.hover();
	await narrow.mouse.wheel(200, 0);
	await until('it moved', () => box.evaluate((b) => b.scrollLeft > 0));
	assert.equal(await box.locator('.node', { hasText: 'api/' }).count(), 0, 'what the change does not touch is not drawn');
	narrow.quiet();
	await narrow.context().close();
});

test('a log with steps, colors and a bar that drew itself', async () => {
	await page.goto(`${page.url().split('?')[0]}?job=${encodeURIComponent(job('colors'))}`);
	const log = page.locator('.log-box');
	await log.getByText('color 3').waitFor();
	assert.equal(await log.locator('.fg3').first().innerText(), 'color 3');
	assert.match(await log.innerText(), /Receiving objects: 100%, done/);
	assert.doesNotMatch(await log.innerText(), /50%/);
	await log.getByRole('button', { name: /fetch/ }).click();
	await log.getByText('color 3').waitFor({ state: 'detached' });
	await log.getByText('unused variable').waitFor();
});

test('200,000 lines: windowed, searched, linked', async () => {
	await page.goto(`${page.url().split('?')[0]}?job=${encodeURIComponent(job('long'))}`);
	await page.getByText('200\u2009000 lines').waitFor({ timeout: 60000 });
	assert.ok((await page.locator('.log-line').count()) < 200, 'only what is on the screen is drawn');
	// Against frames in which nothing happens: the machine has more to do than this.
	const [still, moving] = await page.evaluate(async () => {
		const box = document.querySelector('.log-box');
		const middle = async (act) => {
			const frames = [];
			let last = performance.now();
			for (let i = 0; i < 60; i++) {
				act(i / 60);
				await new Promise(requestAnimationFrame);
				frames.push(performance.now() - last);
				last = performance.now();
			}
			return frames.sort((a, b) => a - b)[30];
		};
		return [await middle(() => {}), await middle((at) => (box.scrollTop = at * box.scrollHeight))];
	});
	assert.ok(moving < still * 4 + 60, `the middle frame of scrolling took ${moving} ms, of standing still ${still} ms`);
	await page.getByLabel('Search the log').fill('150000 packed');
	await page.getByText('1 of 1', { exact: true }).waitFor();
	const line = page.locator('.log-line', { hasText: '150000 packed' });
	await line.locator('.log-n').click();
	await page.waitForURL(/#L150000$/);
	const linked = await open(new URL(page.url()).pathname + new URL(page.url()).search + '#L150000');
	await linked.locator('.log-chosen', { hasText: '150000 packed' }).waitFor();
	linked.quiet();
	await linked.context().close();
});

test('in all sizes and themes', async () => {
	await ended(run.id);
	await looks('run', `/runs/${run.id}`, '.job-panel');
	await looks('run-graph', `/runs/${run.id}?view=graph&job=-`, '.node', { few: true });
	await looks('run-tests', `/runs/${run.id}?tab=tests`, '.failed-test', { few: true });
	await looks('run-why', `/runs/${run.id}?tab=why`, '.fact-list', { few: true });
	await looks('run-log', `/runs/${run.id}?job=${encodeURIComponent(job('colors'))}`, '.log-line', { few: true });
	await looks('run-coverage', `/runs/${run.id}?view=coverage&job=-`, '.coverage-share', { few: true });
	await looks('run-findings', `/runs/${run.id}?view=findings&job=-`, '.finding-text', { few: true });
	await looks('runs', '/runs', 'tbody tr');
});

test('a manual job is started by hand', async () => {
	await page.goto(`${page.url().split('?')[0]}?job=${encodeURIComponent(job('by-hand'))}`);
	await page.locator('.job-panel').getByRole('button', { name: 'Start' }).click();
	const dialog = page.getByRole('dialog');
	await dialog.getByLabel(/Why/).fill('the day has come');
	await dialog.getByRole('button', { name: 'Start it' }).click();
	await page.locator('.log-line', { hasText: 'by hand' }).waitFor({ timeout: 30000 });
	await until('the journal knows why', async () => (await api(`/jobs/${job('by-hand')}`)).body.state === 'passed');
});

test('run again what did not pass: a new run, and the page goes there', async () => {
	await page.getByRole('button', { name: 'Run again' }).click();
	await page.getByRole('dialog').getByRole('button', { name: 'Run again' }).click();
	await page.waitForURL((u) => /^\/runs\/run-\d+$/.test(u.pathname) && u.pathname !== `/runs/${run.id}`);
	await page.getByRole('heading', { name: 'lab: round half up' }).waitFor();
	page.quiet();
});

test('a test is opened by the keyboard: its last outcomes, each a link to its run', async () => {
	const again = new URL(page.url()).pathname.split('/').at(-1);
	await ended(again);
	await page.goto(new URL(`/runs/${again}?job=${encodeURIComponent(`${again}/ci/lab/units`)}&tab=tests`, page.url()).href);
	const panel = page.locator('.job-panel');
	const failed = panel.getByRole('region', { name: 'History of lab.rounding.half_up' });
	await failed.getByText(/^Failed in (all of the last \d+ runs|\d+ of the last \d+ runs, the newest \d+ in a row)$/).waitFor();
	await failed.getByText(/^since/).waitFor();
	const row = panel.locator('.other-test', { hasText: 'lab.table.row_3' });
	assert.equal(await row.locator('.strip-mark').count(), 0, 'what is closed asks for nothing');
	await row.locator('summary').focus();
	await page.keyboard.press('Enter');
	const marks = row.locator('.strip-mark');
	await marks.nth(1).waitFor();
	assert.match(await row.innerText(), /Passed in all of the last \d+ runs[\s\S]*usually 3 ms/);
	const here = row.locator('.strip-mark[aria-current=true]');
	assert.match(await here.getAttribute('title'), new RegExp(`^${again}: passed in 3 ms\\n.*\\d\\d:\\d\\d:\\d\\d[\\s\\S]*main [0-9a-f]{8} lab: round half up`));
	assert.equal(await marks.last().getAttribute('aria-current'), 'true', 'the newest stands last');
	assert.match(await marks.last().getAttribute('aria-label'), /: passed in 3 ms, /, 'a word for who sees no color');
	await looks('run-test-history', `/runs/${again}?job=${encodeURIComponent(`${again}/ci/lab/units`)}&tab=tests`, '.strip-mark', { few: true });
	await marks.first().focus();
	await page.keyboard.press('Enter');
	await page.waitForURL((u) => u.pathname !== `/runs/${again}` && u.searchParams.get('test') === 'lab.table.row_3');
	await page.locator('.job-panel .strip-mark[aria-current=true]').first().waitFor();
	page.quiet();
});

test('a run that never was', async () => {
	await page.goto(new URL('/runs/run-9999', page.url()).href);
	await page.getByRole('heading', { name: 'There is no run-9999' }).waitFor();
});
