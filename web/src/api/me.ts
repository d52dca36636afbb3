// Who looks, and what they may do. The server decides; here it only keeps people from pressing what would be refused.
import { useEffect, useState } from 'preact/hooks';
import { read, rememberCsrf } from './client';
import { Problem } from './problem';
import type { Me, Role } from './types';

const order: Role[] = ['viewer', 'developer', 'approver', 'operator', 'admin'];

let me: Me | undefined;
const watchers = new Set<() => void>();

export async function loadMe(): Promise<Me | undefined> {
	try {
		me = (await read<Me>('/me')).data;
	} catch (problem) {
		// A daemon that knows no people has no such path: then the connection itself is trusted.
		if (!(problem instanceof Problem) || problem.status !== 404) throw problem;
		me = undefined;
	}
	rememberCsrf(me);
	for (const fn of watchers) fn();
	return me;
}
export const currentMe = (): Me | undefined => me;

export function useMe(): Me | undefined {
	const [, render] = useState(0);
	useEffect(() => {
		const fn = () => render((n) => n + 1);
		watchers.add(fn);
		return () => void watchers.delete(fn);
	}, []);
	return me;
}

export function mayDo(who: Me | undefined, role: Role, environment?: string): boolean {
	if (!who) return true;
	const reaches = (have: Role | undefined) => have !== undefined && order.indexOf(have) >= order.indexOf(role);
	// What is said of an environment holds there, and nothing else does; without one, a role anywhere is worth a try.
	const there = environment ? who.roles?.find((r) => r.environment === environment) : undefined;
	if (there) return reaches(there.role);
	return reaches(who.role) || (who.roles ?? []).some((r) => reaches(r.role) && (!environment || !r.environment));
}
// For a button: undefined when allowed, else why not.
export function whyNot(who: Me | undefined, role: Role, environment?: string): string | undefined {
	return mayDo(who, role, environment) ? undefined : `This takes the role ${role}${environment ? ` in ${environment}` : ''}`;
}
