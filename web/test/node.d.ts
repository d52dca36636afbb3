// The few names of node that the tests use.
declare module 'node:test' {
	export function test(name: string, fn: () => void | Promise<void>): void;
}
declare module 'node:assert/strict' {
	const assert: {
		match(a: string, b: RegExp, why?: string): void;
		equal(a: unknown, b: unknown, why?: string): void;
		deepEqual(a: unknown, b: unknown, why?: string): void;
		ok(a: unknown, why?: string): void;
		throws(fn: () => unknown, want?: RegExp): void;
	};
	export default assert;
}
