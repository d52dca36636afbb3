// What the API answers about the installation itself.
import type { Role } from '../../api/types';

export interface User {
	id: string;
	name?: string;
	email?: string;
	issuer?: string;
	groups?: string[];
	disabled?: boolean;
	created_at?: number;
	login_at?: number;
}
export interface Token {
	id: string;
	name: string;
	owner?: string;
	role?: Role;
	environment?: string;
	groups?: string[];
	scope?: string;
	read_only?: boolean;
	actor?: string;
	created_at?: number;
	until?: number;
	used_at?: number;
	used_from?: string;
	ended_at?: number;
}
export interface Session {
	id: string;
	actor: string;
	token?: string;
	address?: string;
	agent?: string;
	created_at?: number;
	until?: number;
	ended_at?: number;
}
export interface Grant {
	id: string;
	who: string;
	role: Role;
	project?: string;
	environment?: string;
	actor?: string;
	since?: number;
	ended_at?: number;
}
export interface SecretName {
	name: string;
	changed_at?: number;
	problem?: string;
	missing?: boolean;
	used_by?: { repo?: string; unit?: string; job?: string; as?: string }[];
}
export interface Notifier {
	repo?: string;
	name: string;
	kind: 'webhook' | 'log';
	host?: string;
	page?: boolean;
}
export interface Settings {
	version?: string;
	started?: number;
	settings: { name: string; value: string; help: string }[];
}
export interface Agent {
	id: string;
	state: string;
	labels?: string[];
	cpu?: number;
	memory?: number;
	used_cpu?: number;
	used_memory?: number;
	running?: number;
	version?: string;
	address?: string;
	since?: number;
	lost_at?: number;
}
export interface QueueEntry {
	ref?: string;
	number?: string;
	commit?: string;
	actor?: string;
	since?: number;
	tries?: number;
}
export interface Queue {
	id: string;
	repo?: string;
	target?: string;
	state?: string;
	entries?: QueueEntry[];
	batch?: number; // how many of the first are being tested
	run?: string;
	reason?: string;
}
export interface Schedule {
	repo?: string;
	cron: string;
	zone?: string;
	branch?: string;
	next?: number;
	last?: string;
}
export interface Doctor {
	ok?: boolean;
	since?: number;
	checks: { check: string; state: string; says?: string; fix?: string }[];
	journal?: { seq?: number; at?: number; outbox?: number; queue?: number; commits?: number; commit_usec?: number };
	agents?: { connected?: number; lost?: number };
}
