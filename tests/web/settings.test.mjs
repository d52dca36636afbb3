// Settings and device: a user, a role, a token that is shown once, a session that ends, a program that is let in.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { api, close, looks, open, penstock, until, url } from './lib.mjs';

let page;
before(async () => {
	page = await open('/settings');
});
after(close);
const dialog = () => page.getByRole('dialog');

test('a user is made, changed, and kept out', async () => {
	await page.getByRole('button', { name: 'New user' }).click();
	await dialog().getByLabel('Short name').fill('uma');
	await dialog().getByLabel('E-mail').fill('uma@shop.example');
	await dialog().getByLabel('Groups').fill('leads, oncall');
	await dialog().getByRole('button', { name: 'Make user' }).click();
	const row = page.getByRole('row', { name: /uma/ });
	await row.waitFor();
	await row.getByRole('button', { name: /Change/ }).click();
	await dialog().getByLabel('Name', { exact: true }).fill('Uma Berg');
	await dialog().getByRole('button', { name: 'Save' }).click();
	await page.getByRole('row', { name: /Uma Berg/ }).waitFor();
	await row.getByRole('button', { name: /Disable/ }).click();
	await dialog().getByRole('button', { name: 'Disable' }).click();
	await row.getByText('disabled').waitFor();
	const user = (await api('/users')).body.users.find((u) => u.id === 'uma');
	assert.deepEqual([user.name, user.email, user.groups, user.disabled], ['Uma Berg', 'uma@shop.example', ['leads', 'oncall'], true]);
	await row.getByRole('button', { name: /Enable/ }).click();
	await dialog().getByRole('button', { name: 'Enable' }).click();
	await row.getByText('active').waitFor();
});

test('a role is given and taken back', async () => {
	await page.getByRole('link', { name: 'Roles' }).click();
	await page.getByRole('button', { name: 'Give a role' }).first().click();
	await dialog().getByRole('combobox', { name: /^To/ }).fill('group:oncall');
	await dialog().getByRole('combobox', { name: /^Role/ }).selectOption('operator');
	await dialog().getByRole('button', { name: 'Give it' }).click();
	const row = page.getByRole('row', { name: /group:oncall/ });
	await row.waitFor();
	assert.ok((await api('/grants')).body.grants.some((g) => g.who === 'group:oncall' && g.role === 'operator'));
	await row.getByRole('button', { name: /Take back/ }).click();
	await dialog().getByRole('button', { name: 'Take it back' }).click();
	await row.waitFor({ state: 'detached' });
});

test('a token is shown once, works, and is revoked', async () => {
	await page.getByRole('link', { name: 'Tokens' }).click();
	await page.getByRole('button', { name: 'New for a machine' }).click();
	await dialog().getByRole('textbox', { name: /^Name/ }).fill('web-bot');
	await dialog().getByRole('button', { name: 'Make token' }).click();
	const secret = (await dialog().locator('.secret code').innerText()).trim();
	assert.match(secret, /^pst_/);
	assert.equal((await fetch(`${url}/api/v1/me`, { headers: { Authorization: `Bearer ${secret}` } })).status, 200);
	await dialog().getByRole('button', { name: 'I have it' }).click();
	assert.ok(!(await page.content()).includes(secret));
	const row = page.getByRole('row', { name: /web-bot/ });
	await row.getByRole('button', { name: /Revoke/ }).click();
	await dialog().getByRole('button', { name: 'Revoke' }).click();
	await row.waitFor({ state: 'detached' });
	assert.equal((await fetch(`${url}/api/v1/me`, { headers: { Authorization: `Bearer ${secret}` } })).status, 401);
});

test('a browser is logged out from here', async () => {
	const { token } = await import('./lib.mjs');
	const answer = await fetch(`${url}/api/v1/login`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ token }) });
	const cookie = answer.headers.get('set-cookie').split(';')[0];
	await page.getByRole('link', { name: 'Sessions' }).click();
	const row = page.locator('tbody tr').first();
	await row.waitFor();
	const before = await page.locator('tbody tr').count();
	await row.getByRole('button', { name: /Log out/ }).click();
	await dialog().getByRole('button', { name: 'Log out' }).click();
	await until('one less', async () => (await page.locator('tbody tr').count()) < before);
	assert.equal((await fetch(`${url}/api/v1/me`, { headers: { cookie } })).status, 401);
});

test('what delivers, and whether it is well', async () => {
	for (const [link, text] of [['Secrets', /No secret yet|Names only/], ['Notifiers', /Who is told/], ['Agents', /this machine/], ['Merge queues', /first in, first out/], ['Schedules', /Runs by the clock/], ['Retention', /keep-failed/], ['Health', /checks? (are well|of)|want/]]) {
		await page.getByRole('link', { name: link, exact: true }).click();
		await page.getByText(text).first().waitFor();
	}
	page.quiet();
});

test('an agent is drained and gets jobs again', async () => {
	await page.getByRole('link', { name: 'Agents' }).click();
	await page.getByRole('button', { name: /^Drain/ }).click();
	await page.getByText('takes no more jobs').waitFor();
	await page.getByRole('button', { name: /^Give jobs again/ }).click();
	await page.getByText('takes jobs', { exact: true }).waitFor();
});

test('a program is let in by its code', async () => {
	const home = mkdtempSync(join(tmpdir(), 'penstock-web-'));
	const secret = penstock('token', 'create', 'umas', '--owner', 'user:uma', '--role', 'developer').trim().split('\n')[0];
	penstock('grant', 'user:uma', 'developer');
	let said = '';
	const login = execFile(process.env.PENSTOCK, ['login', '--server', url, '--name', 'laptop'], { env: { ...process.env, HOME: home, XDG_CONFIG_HOME: '', PENSTOCK_TOKEN: '' } });
	login.stdout.on('data', (text) => (said += text));
	const over = new Promise((done) => login.on('close', done));
	const code = await until('a code', () => /code=(\S+)/.exec(said)?.[1]);
	const device = await open('/way', { stranger: true });
	await device.context().setExtraHTTPHeaders({ Authorization: `Bearer ${secret}` });
	await device.goto(`${url}/device?code=${code.toLowerCase()}`);
	await device.getByRole('heading', { name: 'Let a program in?' }).waitFor();
	assert.equal(await device.getByLabel('Code').inputValue(), code);
	assert.match(await device.locator('.device-grants').innerText(), /user:uma[\s\S]*developer/);
	await device.getByRole('button', { name: 'Yes, let it in' }).click();
	await device.getByRole('heading', { name: 'laptop is let in' }).waitFor();
	assert.equal(await over, 0);
	assert.match(said, /user:uma at/);
	assert.match(readFileSync(join(home, '.config/penstock/credentials.json'), 'utf8'), /pst_/);
	await device.goto(`${url}/device?code=ZZZZZZZZ`);
	await device.getByRole('button', { name: 'Yes, let it in' }).click();
	await device.getByText(/no program waits with this code/).waitFor();
	await device.context().close();
	rmSync(home, { recursive: true, force: true });
});

test('in all sizes and themes', async () => {
	for (const tab of ['users', 'tokens', 'retention']) await looks(`settings-${tab}`, `/settings/${tab}`, 'tbody tr', { few: tab !== 'users' });
	await looks('settings-secrets', '/settings/secrets', '.set-body h2', { few: true });
	await looks('settings-health', '/settings/health', '.checks li', { few: true });
	await looks('device', '/device?code=BCDFGHJK', '.device', { few: true });
});
