// Insights: the five measures, a point with the deployments behind it, charts in their own chunk, the range in the address.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { api, close, ended, looks, open, penstock, push, runOf, until } from './lib.mjs';

let page;
before(async () => {
	const run = await runOf(push('api: for the insights', { 'services/api/version': 'api insights' }));
	await ended(run.id);
	const release = await until('a release', async () => (await api(`/runs/${run.id}`)).body.release);
	await until('it waits at the gate or went through', async () => ['staged', 'live', 'superseded'].includes((await api(`/releases/${release}`)).body.state), 60);
	if ((await api(`/releases/${release}`)).body.state === 'staged') penstock('approve', release);
	await until('something is live', async () => (await api('/insights')).body.dora.all.deploys > 0, 60);
	page = await open('/insights');
});
after(close);

test('the five measures say their units', async () => {
	const tiles = page.getByRole('group', { name: "DORA's five measures" }).getByRole('button');
	await tiles.nth(4).waitFor();
	assert.equal(await tiles.count(), 5);
	assert.match(await tiles.nth(0).innerText(), /Change lead time\s+[\d.]+ (ms|s|m)/);
	assert.match(await tiles.nth(1).innerText(), /Deployment frequency\s+[\d.]+ (a day|a week|in 30 days)/);
	assert.match(await tiles.nth(2).innerText(), /%/);
});

test('the code of charts comes with the first chart, not before', async () => {
	const other = await open('/way');
	const asked = [];
	other.on('request', (r) => asked.push(r.url()));
	await other.waitForTimeout(500);
	assert.ok(!asked.some((u) => /chart/.test(u)));
	await other.context().close();
	await page.locator('.chart canvas').first().waitFor();
});

test('a point leads to its deployments', async () => {
	await page.getByRole('button', { name: /Deployment frequency/ }).click();
	await page.waitForURL(/measure=frequency/);
	const over = page.locator('.chart-picks .u-over');
	await over.waitFor();
	const box = await over.boundingBox();
	await page.mouse.click(box.x + box.width - box.width / 60, box.y + box.height / 2); // today: the last of 30
	await page.waitForURL(/day=\d{4}-\d\d-\d\d/);
	await page.getByRole('region', { name: 'Deployments of the day' }).getByRole('link', { name: /^ro-\d+$/ }).first().waitFor();
});

test('and so does the table, by the keyboard', async () => {
	await page.getByRole('region', { name: /: \d+ deployment/ }).getByRole('button', { name: 'Close' }).click();
	await page.getByText('The same as a table').first().click();
	await page.locator('.as-table tbody button').first().press('Enter');
	await page.waitForURL(/day=/);
});

test('the range and the service stand in the address', async () => {
	await page.getByRole('button', { name: '7 days' }).click();
	await page.waitForURL(/days=7/);
	await page.getByLabel('Service', { exact: true }).selectOption('api');
	await page.waitForURL(/unit=api/);
	await page.getByText(/^\d+ runs? with jobs of api; in \d+ one of them failed$/).waitFor();
	await page.getByText(/^\d+ of \d+ jobs? of api; .* of work saved/).waitFor();
	await page.getByText(/from the push to the end of the last job of api in stage ci/).waitFor();
	await page.getByText('CI: jobs of api, the others: releases with it.').waitFor();
	await page.getByLabel('Environment', { exact: true }).selectOption('staging');
	await page.getByText(/does not go by environment/).waitFor();
	page.quiet();
});

test('in all sizes and themes', async () => {
	await looks('insights', '/insights', '.chart canvas');
	await looks('insights-api', '/insights?unit=api', '.chart canvas', { few: true });
});
