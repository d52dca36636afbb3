// Releases, rollouts, environments, incidents: a person approves, promotes, watches a canary fail, reads why, holds, compares, goes back.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { api, close, looks, open, push, runOf, until, url } from './lib.mjs';

let page;
const post = (path, body = {}) => api(path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
const one = async (path) => (await api(path)).body;

// Requests to a service's front door in production until it is stopped: what a verdict is made of.
function traffic(door, rate) {
	const timer = setInterval(() => {
		for (let i = 0; i < rate / 20; i++) fetch(door).then((r) => r.arrayBuffer(), () => {});
	}, 50);
	return () => clearInterval(timer);
}

// Production by canary, whose first step needs evidence; runbooks in the repository; the way of delivery is a change like any other.
const tree = process.env.WEB_TREE;
const canary = () => {
	const text = readFileSync(join(tree, 'penstock.yml'), 'utf8');
	return text.replace(/  strategy: rolling\n/, '  strategy: {canary: {steps: [20%, 100%], compare: {error_rate: {margin: 5%}}}}\n  on_failure: {rollback: false, runbook: "docs/{service}.md"}\n');
};
const runbook = '# Runbook: api\n\nAnswers web. **First**: is it still going on? See `penstock status`.\n\n1. Call its owner.\n2. Fix forward.\n';

async function gated(commit) {
	const run = await runOf(commit);
	const id = await until('a release', async () => (await one(`/runs/${run.id}`)).release, 60);
	return until(`${id} at the gate`, async () => { const r = await one(`/releases/${id}`); return r.state === 'staged' && r.gate?.requirements?.length ? r : null; }, 60);
}
const rolloutOf = (release) => until('its rollout in production', async () => (await one(`/rollouts?release=${release}&environment=production`)).rollouts[0], 30);
async function promoted(release) {
	await until(`${release} live`, async () => {
		const r = await one(`/releases/${release}`);
		for (const ro of (await one(`/rollouts?release=${release}&environment=production`)).rollouts) if (ro.state === 'baking') await post(`/rollouts/${ro.id}/promote`, { reason: 'the test goes on' });
		return r.state === 'live';
	}, 60);
}

before(async () => {
	page = await open('/releases', { motion: 'no-preference' });
});
after(close);

let stop = () => {};
after(() => stop());

test('a release is read, its evidence verified, and approved with a comment', async () => {
	const release = await gated(push('api: the tenth, by canary', { 'services/api/version': 'api 10', 'penstock.yml': canary(), 'docs/api.md': runbook }, 'Ada King'));
	await page.getByRole('link', { name: /api: the tenth, by canary/ }).first().click();
	await page.waitForURL(`**/releases/${release.id}`);
	await page.getByText('waits for 1 requirement').waitFor();
	const gate = page.getByRole('region', { name: 'Gate' });
	assert.match(await gate.innerText(), /Signed evidence[\s\S]*stage staging[\s\S]*Approvals[\s\S]*0 of 1 given/);
	await page.getByRole('button', { name: 'Verify now' }).click();
	await page.getByText(/^\d+ of \d+ statements? verified/).waitFor();
	assert.equal(await page.locator('.link.tone-bad').count(), 0);
	await page.getByRole('button', { name: 'Show the statement' }).first().click();
	assert.match(await page.locator('.statement').first().innerText(), /in-toto\.io\/Statement/);
	assert.match(await page.getByRole('region', { name: 'What will change' }).innerText(), /Desired state \+\d+[\s\S]*Plan/);
	await looks('release', `/releases/${release.id}`, '.gate-row');
	await page.locator('h1').click();
	await page.keyboard.press('a');
	const dialog = page.getByRole('dialog', { name: `Approve ${release.id}` });
	await dialog.getByLabel(/Comment/).fill('Read it line by line.');
	await dialog.getByRole('button', { name: 'Approve' }).click();
	await dialog.waitFor({ state: 'detached' });
	await page.getByText('Read it line by line.').waitFor();
	await page.getByRole('region', { name: 'Gate' }).getByText('passed', { exact: true }).waitFor();
	await promoted(release.id);
	await page.locator('.page-head .badge', { hasText: /^live$/ }).waitFor();
	const changed = page.getByRole('region', { name: 'What it changed' });
	await changed.getByText('Compared with what it replaced in production.').waitFor();
	assert.ok((await changed.getByText('is what runs there now').count()) >= 1);
	await changed.getByRole('button', { name: 'What runs there now' }).click();
	await page.waitForURL(/with=now/);
	await changed.getByText('Compared with what runs in production now, also when that is newer.').waitFor();
	await changed.getByRole('button', { name: 'What it replaced' }).click();
	await page.waitForURL((u) => !u.search);
	await looks('release-live', `/releases/${release.id}`, '.diff-with', { few: true });
	page.quiet();
});

test('a release that somebody rejects says who and why', async () => {
	const release = await gated(push('api: not this one', { 'services/api/version': 'api 10b' }));
	await page.goto(`${url}/releases/${release.id}`);
	await page.getByRole('button', { name: 'Reject' }).click();
	const dialog = page.getByRole('dialog', { name: `Reject ${release.id}` });
	assert.equal(await dialog.getByRole('button', { name: 'Reject' }).getAttribute('aria-disabled'), 'true');
	await dialog.getByLabel(/Why/).fill('The sale is on.');
	await dialog.getByRole('button', { name: 'Reject' }).click();
	await page.locator('.page-head .badge', { hasText: 'rejected' }).waitFor();
	assert.match(await page.locator('.notice').first().innerText(), /The sale is on/);
	assert.equal(await page.getByRole('button', { name: 'Approve' }).count(), 0);
});

test('a canary without traffic says what it waits for, and is promoted with its name typed', async () => {
	const release = await gated(push('api: the eleventh', { 'services/api/version': 'api 11' }));
	await post(`/releases/${release.id}/approve`, { comment: 'yes' });
	const ro = await rolloutOf(release.id);
	await page.goto(`${url}/rollouts`);
	await page.getByRole('link', { name: new RegExp(`api in production\\s+${ro.id}`) }).click();
	await page.waitForURL(`**/rollouts/${ro.id}`);
	await until('20 %', async () => (await one(`/rollouts/${ro.id}`)).confirmed === 0.2);
	await page.getByRole('img', { name: /^20 % of the traffic goes to the new version, 80 %/ }).waitFor();
	assert.match(await page.getByRole('region', { name: 'Steps' }).innerText(), /20 %[\s\S]*now[\s\S]*100 %[\s\S]*to come/);
	await page.getByRole('button', { name: 'Promote to 100 %' }).click();
	const dialog = page.getByRole('dialog', { name: /Promote api/ });
	const yes = dialog.getByRole('button', { name: 'Promote to 100 %' });
	await dialog.getByLabel(/Why/).fill('Nobody buys at night.');
	assert.equal(await yes.getAttribute('title'), 'Type api first');
	await dialog.getByRole('textbox', { name: /Type api/ }).fill('api');
	await yes.click();
	await page.locator('.page-head .badge', { hasText: 'done' }).waitFor({ timeout: 30000 });
	assert.match(await page.getByRole('region', { name: 'Decisions' }).innerText(), /promoted to the next step without waiting/);
	page.quiet();
});

let bad;
test('a canary that hurts is seen to be taken back, with the numbers', async () => {
	const door = (await one('/doors')).doors.find((d) => d.environment === 'production' && d.unit === 'api').url;
	stop = traffic(door, 200);
	const release = await gated(push('api: fails sometimes', { 'services/api/version': 'api 12 errors=40' }));
	await post(`/releases/${release.id}/approve`, { comment: 'yes' });
	bad = await rolloutOf(release.id);
	await page.goto(`${url}/rollouts/${bad.id}`);
	await page.getByText('Harm found in the error rate').waitFor({ timeout: 60000 });
	await page.getByRole('img', { name: /^0 % of the traffic goes to the new version/ }).waitFor({ timeout: 20000 });
	assert.match(await page.locator('.verdict').innerText(), /Evidence [\d,.\s\u2009×\u00b2\u00b3\u00b9\u2070-\u2079]+ where [\d,\u2009]+ is enough.*of the new version failed/);
	await page.locator('.uplot canvas').first().waitFor();
	// Errors, latency and slow requests, and of what is compared the difference with its interval and what is allowed.
	await page.locator('.uplot canvas').nth(4).waitFor();
	const said = async (of) => (await page.locator('.plot', { has: page.getByRole('heading', { name: of, exact: true }) }).locator('.plot-box').getAttribute('aria-label')) ?? '';
	await page.getByRole('group', { name: 'Latency quantile' }).getByRole('button', { name: 'p95' }).click();
	assert.match(await said('Difference in errors'), /Error rate of the new version less that of the old one: \+\d.* points, 95 % interval \S+ to \S+, allowed \+\d/);
	assert.match(await said('Latency (p95)'), /old version [\d.]+ m?s, slow from [\d.]+ m?s on/);
	assert.match(await said('Difference in slow requests (p95)'), /95 % interval \S+ to \S+, allowed 0\.00\./);
	assert.match(await page.locator('.plot', { has: page.getByRole('heading', { name: 'Slow requests (p95)', exact: true }) }).innerText(), /share of requests slower than the old version's p95 .* than that \u00d7 \d/);
	assert.match(await page.getByRole('table', { name: 'Latency by version' }).innerText(), /p50[\s\S]*p95\s+[\d.]+ m?s[\s\S]*p99/);
	await page.getByRole('group', { name: 'Latency quantile' }).getByRole('button', { name: 'p99' }).click();
	await page.getByRole('heading', { name: 'Difference in slow requests (p99)' }).waitFor();
	assert.match((await page.locator('.plot-box').first().getAttribute('aria-label')) ?? '', /Error rate over time\. Lately: new version \d/);
	assert.match(await page.getByRole('region', { name: 'Decisions' }).innerText(), /the verdict failed it: errors/);
	await looks('rollout', `/rollouts/${bad.id}`, '.uplot canvas');
	page.quiet();
});

test('its incident: timeline, deploys, curves, runbook, a note, the post-mortem, the end', async () => {
	const incident = await until('an incident', async () => (await one(`/incidents?rollout=${bad.id}`)).incidents[0]);
	await page.locator('.notice').getByRole('link', { name: incident.id }).click();
	await page.waitForURL(`**/incidents/${incident.id}`);
	await page.getByText('suspect').first().waitFor();
	await page.getByRole('region', { name: 'Runbook' }).getByText('Call its owner.').waitFor();
	await page.locator('.uplot canvas').first().waitFor();
	await page.locator('h1').click();
	await page.keyboard.press('n');
	const note = page.getByRole('dialog', { name: 'Add a note' });
	await note.getByLabel('Note').fill('Two customers called.');
	await note.getByRole('button', { name: 'Add it' }).click();
	await page.locator('.tl').getByText('Two customers called.').waitFor();
	await looks('incident', `/incidents/${incident.id}`, '.uplot canvas');
	await page.getByRole('button', { name: 'Post-mortem' }).click();
	const dialog = page.getByRole('dialog', { name: /Post-mortem/ });
	await dialog.getByRole('heading', { name: /Why it happened/ }).waitFor();
	const [file] = await Promise.all([page.waitForEvent('download'), dialog.getByRole('button', { name: `Save ${incident.id}.md` }).click()]);
	assert.equal(file.suggestedFilename(), `${incident.id}.md`);
	const text = readFileSync(await file.path(), 'utf8');
	assert.match(text, new RegExp(`^# Post-mortem of ${incident.id}: [\\s\\S]*Two customers called`));
	await dialog.getByRole('button', { name: 'Close' }).last().click();
	await page.getByRole('button', { name: 'Close', exact: true }).click();
	const end = page.getByRole('dialog', { name: `Close ${incident.id}` });
	await end.getByLabel(/What came of it/).fill('Fixed forward.');
	await end.getByRole('button', { name: 'Close it' }).click();
	await page.locator('.page-head .badge', { hasText: 'closed' }).waitFor();
	assert.match(await page.locator('.tl').innerText(), /Fixed forward\.[\s\S]*Closed|Closed[\s\S]*Fixed forward\./);
	await looks('incidents', '/incidents', '.list-link', { few: true });
	page.quiet();
});

test('the matrix says what production has not, and why; two environments are compared', async () => {
	await page.goto(`${url}/environments`);
	const row = page.getByRole('row', { name: /^api/ });
	await row.getByText('not in production yet').waitFor();
	assert.match(await row.innerText(), /1 veto/);
	await looks('environments', '/environments', '.env-version');
	await page.getByRole('button', { name: 'Compare two' }).click();
	await page.waitForURL(/view=compare/);
	await page.getByText('staging is 1 commit ahead').waitFor();
	assert.match(await page.getByRole('region', { name: 'api' }).innerText(), /api: fails sometimes/);
	await looks('compare', '/environments?view=compare', '.cmp', { few: true });
	page.quiet();
});

test('a hold with an end and a reason is placed, seen and lifted', async () => {
	await page.goto(`${url}/environments/production`);
	await page.getByRole('button', { name: 'Hold', exact: true }).click();
	const dialog = page.getByRole('dialog', { name: 'Hold in production' });
	await dialog.getByLabel('Service').selectOption('api');
	await dialog.getByRole('button', { name: '1 hour' }).click();
	assert.equal(await dialog.getByRole('button', { name: 'Hold', exact: true }).getAttribute('aria-disabled'), 'true');
	await dialog.getByLabel(/Why/).fill('Stock count.');
	await dialog.getByRole('button', { name: 'Hold', exact: true }).click();
	const marks = page.getByRole('region', { name: 'Holds, pins, vetoes' });
	await marks.getByText('Stock count.').waitFor();
	const held = (await one('/environments/production')).holds[0];
	assert.ok(held.unit === 'api' && held.until - held.since > 3590e6 && held.until - held.since < 3610e6);
	await page.locator('.cal-part').first().waitFor();
	await looks('environment', '/environments/production', '.cal-part');
	await marks.locator('.gate-row', { hasText: 'Stock count.' }).getByRole('button', { name: 'Lift' }).click();
	await page.getByRole('dialog').getByRole('button', { name: 'Lift it' }).click();
	await marks.getByText('Stock count.').waitFor({ state: 'detached' });
	assert.equal((await one('/environments/production')).holds, undefined);
});

test('an earlier version returns with one click and its name typed; a vetoed one cannot', async () => {
	await page.goto(`${url}/environments/production?service=api`);
	const history = page.getByRole('region', { name: 'History' });
	const back = history.getByRole('button', { name: /^Return api to/ });
	await back.nth(1).waitFor();
	assert.equal(await back.first().getAttribute('title'), 'It is live now');
	const was = (await one('/environments/production/history?unit=api')).history[1];
	await back.nth(1).click();
	const dialog = page.getByRole('dialog', { name: /^Return api to/ });
	const yes = dialog.getByRole('button', { name: 'Return it in production' });
	await dialog.getByLabel(/Why/).fill('The eleventh is slow.');
	assert.equal(await yes.getAttribute('aria-disabled'), 'true');
	await dialog.getByRole('textbox', { name: /Type api/ }).fill('api');
	await yes.click();
	await dialog.waitFor({ state: 'detached' });
	await until('it is back', async () => (await one('/environments/production')).live.find((l) => l.unit === 'api').image === was.image);
	await history.getByText('returned').first().waitFor({ timeout: 20000 });
	await until('the one before is vetoed on the page', async () => (await history.getByRole('button', { name: /^Return api to/ }).evaluateAll((all) => all.map((b) => b.title))).some((t) => t.includes('vetoed')));
	page.quiet();
});

test('who may only look sees why nothing can be pressed', async () => {
	const token = (await post('/tokens', { name: 'watcher', role: 'viewer' })).body;
	const release = await gated(push('api: somebody has to look', { 'services/api/version': 'api 14' }));
	const theirs = await open('/way', { stranger: true });
	await theirs.context().setExtraHTTPHeaders({ Authorization: `Bearer ${token.secret ?? token.token}` });
	await theirs.goto(`${url}/releases/${release.id}`);
	const approve = theirs.getByRole('button', { name: 'Approve' });
	await approve.waitFor();
	assert.equal(await approve.getAttribute('aria-disabled'), 'true');
	assert.match((await approve.getAttribute('title')) ?? '', /role approver/);
	await approve.click({ force: true });
	await theirs.keyboard.press('a');
	assert.equal(await theirs.getByRole('dialog').count(), 0);
	await theirs.goto(`${url}/environments/production`);
	const hold = theirs.getByRole('button', { name: 'Hold', exact: true });
	await hold.waitFor();
	assert.match((await hold.getAttribute('title')) ?? '', /role operator/);
	await theirs.goto(`${url}/settings`);
	await theirs.getByRole('link', { name: 'Retention' }).waitFor();
	assert.equal(await theirs.getByRole('link', { name: /^(Health|Users|Secrets)$/ }).count(), 0, 'what they may not see is not listed');
	await post(`/releases/${release.id}/approve`, { ok: false, comment: 'only looked at' });
});

test('what is not there says so', async () => {
	for (const [path, title] of [['/releases/rel-999', /no release rel-999/], ['/rollouts/ro-999', /no rollout ro-999/], ['/environments/nowhere', /no environment nowhere/], ['/incidents/inc-999', /no incident inc-999/]]) {
		await page.goto(url + path);
		await page.getByRole('heading', { name: title }).waitFor();
	}
	page.quiet();
});
