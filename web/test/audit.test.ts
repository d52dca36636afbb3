import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ChainChecker, chainHash, readRecord, ZEROS } from '../src/pages/audit/chain';
import { merge, pathOf, type Entry, type Wanted } from '../src/pages/audit/source';
import { hrefOf, kindOf, sentence, shownPayload, shownValue } from '../src/pages/audit/words';

// Hashes by another implementation (Python's hashlib), of the description in core/chain.h.
const HASHES = ['53128961cb1468872abfd1a04b5ce0b0729ad300da88adc35485c98aac342bb7', '4e04fa33a4f9affaf2b826eb7fb3dc7f6c582f3714828aaa64d19acf52018591'] as const;
const first = `{"seq":1,"time":1795405888997408,"actor":"engine","subject":"engine","type":"engine.started","payload":{"text":"0.1.0","slots":2},"prev":"${ZEROS}","hash":"${HASHES[0]}"}`;
const payload = '{"text":"4\u2009% \\"more\\",\\"prev\\":","big":18446744073709551615,"z":1,"a":2.50}';
const second = `{"seq":2,"time":1795405888997409,"actor":"user:ann \\"x\\"","subject":"J\u00fcrgen,\\"payload\\":","type":"person.note","payload":${payload},"prev":"${HASHES[0]}","hash":"${HASHES[1]}"}`;

async function check(text: string, size = text.length) {
	const checker = new ChainChecker();
	for (let at = 0; at < text.length; at += size) await checker.feed(text.slice(at, at + size));
	return checker.end();
}

test('chain: a line is read with the very bytes of its payload', () => {
	const r = readRecord(second);
	assert.equal(r?.payload, payload);
	assert.equal(r?.actor, 'user:ann "x"');
	assert.equal(r?.subject, 'J\u00fcrgen,"payload":');
});
for (const line of ['', '{}', 'null', first.slice(0, -2), first.replace('"seq":1', '"seq":-1'), first.replace('"payload":', '"payloads":'), first.replace(HASHES[0], 'A'.repeat(64)), `{"code":"unavailable","detail":"cut off"}`])
	test(`chain: no record: ${line.slice(0, 40)}`, () => assert.equal(readRecord(line), undefined));
test('chain: the hash is that of another implementation', async () => {
	assert.equal(await chainHash(readRecord(first)!), HASHES[0]);
	assert.equal(await chainHash(readRecord(second)!), HASHES[1]);
});
for (const size of [1, 7, 1000]) test(`chain: a good one, in pieces of ${size}`, async () => assert.deepEqual(await check(`${first}\n${second}\n`, size), { first: 1, last: 2, n: 2, head: HASHES[1], wrong: undefined }));
test('chain: without the last line end, and with blank lines between', async () => assert.equal((await check(`${first}\n   \n${second}`)).n, 2));
test('chain: a window may begin anywhere', async () => assert.deepEqual(await check(second), { first: 2, last: 2, n: 1, head: HASHES[1], wrong: undefined }));

const broken: [string, string, RegExp][] = [
	['a changed payload', `${first}\n${second.replace('2.50', '2.5')}\n`, /record 2 was changed/],
	['a changed actor', `${first.replace('"engine","subject"', '"user:eve","subject"')}\n${second}\n`, /record 1 was changed/],
	['a changed time', `${first.replace('408,"actor"', '409,"actor"')}\n`, /record 1 was changed/],
	['one left out', `${first}\n${second.replace('"seq":2', '"seq":3')}\n`, /record 3 stands where record 2 should be/],
	['one twice', `${first}\n${first}\n`, /record 1 stands where record 2 should be/],
	['another chain', `${first}\n${second.replace(`"prev":"${HASHES[0]}"`, `"prev":"${ZEROS}"`)}\n`, /record 2 does not name the hash/],
	['a first one with one before it', first.replace(ZEROS, HASHES[1]), /record 1 is the first/],
	['no record', `${first}\nhello\n`, /as record 2 is no record/],
];
for (const [why, text, want] of broken) test(`chain: ${why}`, async () => assert.match((await check(text)).wrong ?? '', want));
test('chain: what comes after a break does not count', async () => assert.equal((await check(`${first}\nhello\n${second}\n`)).n, 1));

const entry = (type: string, more: Partial<Entry> = {}): Entry => ({ seq: 1, at: 1e6, actor: 'user:ann', subject: 'rel-4', type, ...more });
const want = (more: Partial<Wanted> = {}): Wanted => ({ show: '', search: '', actor: '', subject: '', type: '', since: 0, ...more });
test('audit: who, and what they did', () => {
	assert.deepEqual(sentence(entry('person.approve', { summary: 'ann approved rel-4: looks good' })), { who: 'ann', did: 'approved rel-4: looks good' });
	assert.deepEqual(sentence(entry('job.ended', { actor: 'engine', summary: 'orders/test of run-7 passed' })), { who: '', did: 'orders/test of run-7 passed' });
	assert.deepEqual(sentence(entry('made.up_later', { summary: 'annabel came' })), { who: '', did: 'annabel came' });
	assert.equal(sentence(entry('made.up_later')).did, 'made up later');
});
test('audit: what is a decision, and what a refusal', () => {
	assert.equal(kindOf(entry('access.denied')).label, 'refused');
	assert.equal(kindOf(entry('person.approve', { payload: { ok: true } })).tone, 'ok');
	assert.equal(kindOf(entry('person.approve')).tone, 'bad');
	assert.equal(kindOf(entry('job.ended', { payload: { error: 'exit 1' } })).tone, 'bad');
	assert.equal(kindOf(entry('evidence.verified', { decision: true })).label, 'decision of the system');
});
test('audit: values are shown as what they stand for', () => assert.deepEqual(['Ann', ['a', 'b'], 12, true, { a: 1 }, [1, 'x'], undefined, null].map((v) => shownValue(v)), ['Ann', 'a, b', '12', 'true', '{"a":1}', '[1,"x"]', '', '']));
test('audit: subjects lead to their pages', () => {
	assert.deepEqual(['run-7', 'run-7/ci/orders/test', 'rel-4', 'ro-2', 'inc-1', 'production', 'user:ann'].map((x) => hrefOf(x)), ['/runs/run-7', '/runs/run-7?job=run-7%2Fci%2Forders%2Ftest', '/releases/rel-4', '/rollouts/ro-2', '/incidents/inc-1', undefined, undefined]);
});
test('audit: what is asked for', () => {
	assert.equal(pathOf(want()), '/audit?limit=100&decisions=1');
	assert.equal(pathOf(want({ show: 'all', subject: 'run-7*', search: 'a b&c', since: 5 }), '99'), '/audit?limit=100&subject=run-7*&search=a+b%26c&since=5&cursor=99');
	assert.equal(pathOf(want({ show: 'access', actor: 'user:ann' })), '/audit?limit=100&type=access.*&actor=user%3Aann');
	assert.equal(pathOf(want({ show: 'access', type: 'job.ended' })), '/audit?limit=100&type=job.ended');
});
test('audit: newer ones first, none twice', () => assert.deepEqual(merge([entry('a', { seq: 5 }), entry('b', { seq: 4 })], [entry('b', { seq: 4 }), entry('c', { seq: 1 })]).map((e) => e.seq), [5, 4, 1]));

test('payload: bytes are told by their size, all else as it stands', () => {
	const entry = (type: string, payload: Record<string, unknown>) => ({ seq: 1, at: 1, actor: 'engine', subject: 'ro-1', type, payload }) as unknown as Parameters<typeof shownPayload>[0];
	const history = shownPayload(entry('watch.history', { rollout: 'ro-1', text: `${'QUJD'.repeat(1000)}QQ==` }));
	assert.deepEqual(JSON.parse(history.text), { rollout: 'ro-1', text: "(2.9 KiB: what the verdict remembers of the old version's traffic before the rollout)" });
	assert.equal(history.short, true);
	assert.equal(shownPayload({ ...entry('job.ended', {}), payload_bytes: 20480 }).text, '(20.0 KiB: too long for a list)');
	assert.match(shownPayload(entry('a.b', { body: 'A'.repeat(200) })).text, /"\(150 B: bytes, as base64\)"/);
	const digest = 'a'.repeat(64);
	assert.deepEqual(shownPayload(entry('a.b', { digest, text: 'two words '.repeat(40), changes: [], via: 'tok-1' })), { text: JSON.stringify({ digest, text: 'two words '.repeat(40) }, null, 2), short: false });
	assert.equal(shownPayload(entry('a.b', { address: 'local' })).text, '');
});
