// The journal's hash chain, computed again from the bytes that the server sent: hash = SHA-256 over the hash before (32 bytes), then seq, time,
// actor, subject, type, payload, each as its length in bytes, ":", the bytes, "," (docs/audit.md; src/core/chain.h). Pure but for WebCrypto.

export interface ChainRecord {
	seq: string; // digits: times and numbers above 2^53 keep their value
	time: string;
	actor: string;
	subject: string;
	type: string;
	payload: string; // the very bytes of its JSON
	prev: string; // hex
	hash: string;
}

const TAIL = /,"prev":"([0-9a-f]{64})","hash":"([0-9a-f]{64})"\}$/;
const HEAD = /^\{"seq":(\d+),"time":(\d+),"actor":("(?:[^"\\]|\\.)*"),"subject":("(?:[^"\\]|\\.)*"),"type":("(?:[^"\\]|\\.)*"),"payload":/;

// A line of GET /journal. JSON.parse would write the payload anew, and not always with the same bytes. Undefined: no such line.
export function readRecord(line: string): ChainRecord | undefined {
	const head = HEAD.exec(line);
	const tail = TAIL.exec(line);
	if (!head || !tail || tail.index < head[0].length) return undefined;
	try {
		const text = (i: number) => JSON.parse(head[i] as string) as string;
		return { seq: head[1] as string, time: head[2] as string, actor: text(3), subject: text(4), type: text(5), payload: line.slice(head[0].length, tail.index), prev: tail[1] as string, hash: tail[2] as string };
	} catch {
		return undefined;
	}
}

const encoder = new TextEncoder();
function netstring(text: string): Uint8Array[] {
	const bytes = encoder.encode(text);
	return [encoder.encode(`${bytes.length}:`), bytes, encoder.encode(',')];
}
function fromHex(hex: string): Uint8Array {
	return Uint8Array.from({ length: hex.length / 2 }, (_, i) => parseInt(hex.slice(2 * i, 2 * i + 2), 16));
}
const toHex = (bytes: Uint8Array): string => [...bytes].map((b) => b.toString(16).padStart(2, '0')).join('');

export function chainBytes(r: ChainRecord): Uint8Array<ArrayBuffer> {
	const parts = [fromHex(r.prev), ...[r.seq, r.time, r.actor, r.subject, r.type, r.payload].flatMap(netstring)];
	const all = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
	let at = 0;
	for (const part of parts) {
		all.set(part, at);
		at += part.length;
	}
	return all;
}
export async function chainHash(r: ChainRecord): Promise<string> {
	return toHex(new Uint8Array(await crypto.subtle.digest('SHA-256', chainBytes(r))));
}

export interface ChainLink {
	seq: number;
	hash: string;
}
export const ZEROS = '0'.repeat(64);

// Undefined: r follows `before` and its bytes give its hash. Else what is wrong. before undefined: r is the first that is looked at.
export async function checkRecord(r: ChainRecord, before: ChainLink | undefined): Promise<string | undefined> {
	const seq = Number(r.seq);
	if (before && seq !== before.seq + 1) return `record ${seq} stands where record ${before.seq + 1} should be`;
	if (before && r.prev !== before.hash) return `record ${seq} does not name the hash of the record before it`;
	if (!before && seq === 1 && r.prev !== ZEROS) return 'record 1 is the first but names one before it';
	if ((await chainHash(r)) !== r.hash) return `record ${seq} was changed: its bytes do not give its hash`;
	return undefined;
}

export interface Checked {
	first: number;
	last: number; // 0: none yet
	n: number;
	head: string; // hash of the last one
	wrong: string | undefined;
}

// Feeds on pieces of NDJSON of any size.
export class ChainChecker {
	private rest = '';
	private before: ChainLink | undefined;
	readonly result: Checked = { first: 0, last: 0, n: 0, head: '', wrong: undefined };

	async feed(text: string): Promise<void> {
		this.rest += text;
		const lines = this.rest.split('\n');
		this.rest = lines.pop() ?? '';
		for (const line of lines) await this.line(line);
	}
	async end(): Promise<Checked> {
		if (this.rest.trim()) await this.line(this.rest);
		this.rest = '';
		return this.result;
	}
	private async line(line: string): Promise<void> {
		const to = this.result;
		if (!line.trim() || to.wrong) return;
		const r = readRecord(line);
		const at = this.before ? this.before.seq + 1 : undefined;
		to.wrong = r ? await checkRecord(r, this.before) : `what was sent${at ? ` as record ${at}` : ''} is no record`;
		if (to.wrong || !r) return;
		this.before = { seq: Number(r.seq), hash: r.hash };
		to.first ||= this.before.seq;
		to.last = this.before.seq;
		to.head = r.hash;
		to.n++;
	}
}
