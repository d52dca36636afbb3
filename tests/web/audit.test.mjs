// Audit: a person's decision appears by itself, says what it changed; the chain holds, and a changed byte is found in the browser.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { close, looks, open, penstock, url } from './lib.mjs';

let page;
before(async () => {
	page = await open('/audit');
});
after(close);

test('a decision appears by itself, with what it changed', async () => {
	penstock('user', 'set', 'audrey', '--email', 'audrey@shop.example', '--groups', 'leads');
	const entry = page.locator('.entry', { hasText: 'audrey' }).first();
	await entry.waitFor({ timeout: 10000 });
	await entry.getByRole('button', { name: /details/ }).click();
	await page.waitForURL(/record=\d+/);
	assert.match(await entry.innerText(), /this machine[\s\S]*socket[\s\S]*email[\s\S]*audrey@shop\.example[\s\S]*leads/);
});

test('filters stand in the address', async () => {
	await page.getByLabel('Search the records').fill('audrey@');
	await page.getByText('1 record', { exact: true }).waitFor();
	assert.match(page.url(), /q=audrey/);
	await page.getByRole('button', { name: 'Clear' }).click();
	await page.getByRole('button', { name: 'By people' }).click();
	await page.waitForURL(/show=people/);
	await page.locator('.entry', { hasText: 'audrey' }).first().waitFor();
	assert.ok((await page.locator('.entry-text').allInnerTexts()).every((text) => !/^ro-\d+ has /.test(text)), 'what the machine did is not there');
	await page.getByRole('button', { name: 'Everything' }).click();
	await page.locator('.entry', { hasText: 'started' }).first().waitFor();
	await page.getByLabel('About').fill('engine');
	penstock('user', 'set', 'amelia'); // what comes meanwhile does not take away what is typed
	await page.locator('.entry', { hasText: 'amelia' }).first().waitFor({ timeout: 10000 });
	assert.equal(await page.getByLabel('About').inputValue(), 'engine');
	await page.keyboard.press('Enter');
	await page.waitForURL(/subject=engine/);
	await page.getByLabel('Search the records').fill('nothing like it');
	await page.getByRole('heading', { name: 'No record fits these filters' }).waitFor();
	await page.getByRole('button', { name: 'Clear' }).click();
});

test('the chain is computed again here, and holds', async () => {
	await page.getByRole('button', { name: 'Verify', exact: true }).click();
	await page.getByRole('button', { name: 'Check here' }).click();
	await page.getByText(/records checked here: each names the hash before it/).waitFor({ timeout: 20000 });
	await page.getByRole('button', { name: 'Verify all of it' }).click();
	await page.getByText(/The whole chain holds: [\d\u2009]+ records/).waitFor({ timeout: 20000 });
	page.quiet();
});

test('one changed byte breaks it', async () => {
	const bad = await open('/way');
	await bad.route(/\/api\/v1\/journal\?from=/, async (route) => {
		const answer = await route.fetch();
		await route.fulfill({ response: answer, body: (await answer.text()).replace('audrey@shop', 'audray@shop') });
	});
	await bad.goto(`${url}/audit?show=all&chain=1`);
	await bad.getByRole('button', { name: 'Check here' }).click();
	await bad.getByText(/The chain is broken: record \d+ was changed: its bytes do not give its hash/).waitFor({ timeout: 20000 });
	await bad.context().close();
});

test('an export is a link to the records as they are stored', async () => {
	await page.getByRole('button', { name: 'Export' }).click();
	const [saved] = await Promise.all([page.waitForEvent('download'), page.getByRole('menuitem', { name: /Whole journal, NDJSON/ }).click()]);
	penstock('audit', 'verify', '--export', await saved.path());
	const narrow = await open('/audit', { width: 400 });
	await narrow.getByRole('button', { name: 'Export' }).click();
	assert.ok((await narrow.getByRole('menu', { name: 'Export' }).boundingBox()).x >= 0, 'the menu stays on the screen');
	await narrow.context().close();
});

test('in all sizes and themes', async () => {
	const seq = (await fetch(`${url}/healthz`)).ok && (await page.locator('.entry-seq').first().innerText()).replace(/\D/g, '');
	await looks('audit', `/audit?record=${seq}&chain=1`, '.entry-body, .entry');
});
