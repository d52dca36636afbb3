// The graph: units with what is live of them, reached by keys, seen as a table; a large one in groups.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { api, close, looks, open, push, until, url } from './lib.mjs';

let page;
before(async () => {
	if (!(await api('/graph')).body.nodes.length) push('the units, for their graph', { 'services/api/version': 'api graph' });
	await until('penstock.yml is read', async () => (await api('/graph')).body.nodes.length > 0);
	page = await open('/graph');
});
after(close);

test('each unit of penstock.yml is a node, and each need an edge', async () => {
	const graph = (await api('/graph')).body;
	assert.ok(graph.nodes.length >= 3);
	for (const node of graph.nodes) await page.locator(`[data-node="${node.id}"]`).waitFor();
	assert.equal(await page.locator('.graph-svg .gedge').count(), new Set(graph.edges.map((e) => `${e.from} ${e.to}`)).size);
});

test('a node opens by the keyboard, and says what needs what', async () => {
	const node = page.locator('[data-node="web"]');
	await page.locator('.gnode[tabindex="0"]').focus();
	assert.equal(await page.locator('.gnode[tabindex="0"]').count(), 1);
	for (let i = 0; i < 6 && !(await node.evaluate((n) => n === document.activeElement)); i++) await page.keyboard.press(i % 2 ? 'ArrowDown' : 'ArrowRight');
	await node.focus();
	await page.keyboard.press('Enter');
	await page.waitForURL(/node=web/);
	const panel = page.getByRole('complementary', { name: 'About web' });
	await panel.getByRole('heading', { name: /^Needs/ }).waitFor();
	assert.match(await panel.innerText(), /calls api/);
	await panel.getByRole('link', { name: 'api', exact: true }).click();
	await page.getByRole('complementary', { name: 'About api' }).waitFor();
	await page.getByRole('link', { name: 'Only this and its neighbors' }).click();
	await page.waitForURL(/focus=api/);
	assert.equal(await page.locator('[data-node="lab"]').count(), 0);
	await page.getByRole('button', { name: 'All units' }).click();
	await page.locator('[data-node="lab"]').waitFor();
});

test('the same as a table', async () => {
	await page.getByRole('button', { name: 'Table' }).click();
	await page.getByRole('row', { name: /^web/ }).waitFor();
	await page.getByLabel('Find units').fill('lab');
	await page.getByText('1 unit found').waitFor();
	assert.equal(await page.getByRole('row').count(), 2);
	page.quiet();
});

test('three hundred units are groups first, and can all be opened', async () => {
	const many = await open('/way');
	const nodes = Array.from({ length: 300 }, (_, i) => ({ id: `u${i}`, kind: i % 5 ? 'service' : 'library', repo: 'mono', path: `area${i % 6}/u${i}`, live: i % 5 ? [{ environment: 'production', image: `sha256:${'a'.repeat(64)}`, wanted: 2, ready: 2 }] : [] }));
	const edges = nodes.slice(6).map((n, i) => ({ from: n.id, to: `u${(i * 7) % (i + 6)}`, kind: 'dep' }));
	await many.route('**/api/v1/graph', (route) => route.fulfill({ json: { nodes, edges, levels: 1 } }));
	await many.goto(`${url}/graph`);
	await many.locator('[data-node="group:area0"]').waitFor();
	assert.equal(await many.locator('.gnode').count(), 6);
	await many.locator('[data-node="group:area3"]').click();
	await many.locator('[data-node="u3"]').waitFor();
	const began = Date.now();
	await many.getByRole('button', { name: 'Open all' }).click();
	await many.locator('[data-node="u299"]').waitFor();
	assert.ok(Date.now() - began < 5000);
	assert.equal(await many.locator('.gnode').count(), 300);
	many.quiet();
	await many.context().close();
});

test('in all sizes and themes', async () => {
	await looks('graph', '/graph?node=web', '[data-node="web"]');
	await looks('graph-table', '/graph?view=table', 'tbody tr', { few: true });
});
