// Users, roles, sessions.
import { useState } from 'preact/hooks';
import { idPath, write } from '../../api/client';
import { useQuery } from '../../api/hooks';
import { useMe } from '../../api/me';
import { refetch } from '../../api/store';
import type { Environment, Role } from '../../api/types';
import { Button, Table, type Column } from '../../ui/basics';
import { Confirm } from '../../ui/dialog';
import { person } from '../../ui/format';
import { Icon } from '../../ui/icon';
import { Ago } from '../../ui/time';
import { toast } from '../../ui/toast';
import { browserOf } from './browser';
import { Chips, Field, Form, nothing, Pick, ROLES, Section, words } from './parts';
import type { Grant, Session, User } from './types';

const again = (path: string) => refetch((p) => p.startsWith(path));

function UserForm({ user, onClose }: { user: User | undefined; onClose: () => void }) {
	const [id, setId] = useState(user?.id ?? '');
	const [name, setName] = useState(user?.name ?? '');
	const [email, setEmail] = useState(user?.email ?? '');
	const [groups, setGroups] = useState((user?.groups ?? []).join(', '));
	return (
		<Form
			title={user ? `Change ${user.id}` : 'New user'} yes={user ? 'Save' : 'Make user'} onClose={onClose} why={!id.trim() ? 'Give a short name first' : undefined}
			act={async () => {
				await write('POST', '/users', { id: id.trim(), name: name.trim(), email: email.trim(), groups: words(groups), disabled: user?.disabled ?? false });
				again('/users');
				toast(user ? `${id} is changed` : `${id} is known. Give a role to ${id} or a group under Roles.`);
				onClose();
			}}
		>
			<Field label="Short name" note="As in user:ann. Letters, digits, dashes." value={id} onInput={setId} placeholder="ann" readOnly={!!user} autofocus={!user} />
			<Field label="Name" value={name} onInput={setName} placeholder="Ann Lee" />
			<Field label="E-mail" note="As in commits: four eyes go by it, so that nobody approves what they wrote." value={email} onInput={setEmail} placeholder="ann@example.com" />
			<Field label="Groups" note="With commas. The gate's approve.by and roles may name them." value={groups} onInput={setGroups} placeholder="release-team, leads" />
		</Form>
	);
}

export function Users() {
	const query = useQuery<{ users: User[] }>('/users?limit=1000');
	const [open, setOpen] = useState<{ user: User | undefined } | { off: User }>();
	const close = () => setOpen(undefined);
	const columns: Column<User>[] = [
		{ name: 'User', cell: (u) => <span class="who"><Icon name="person" size={14} /><span><strong>{u.id}</strong>{u.name && <span class="muted"> {u.name}</span>}<span class="user-mail wrap muted" title={u.email ? undefined : 'Four eyes go by the address of a commit: without one, this user is not known as an author'}>{u.email ?? 'no e-mail'}</span></span></span> },
		{ name: 'Groups', cell: (u) => (u.groups?.length ? <Chips list={u.groups} /> : <span class="muted">none</span>) },
		{ name: 'Last login', cell: (u) => <span>{u.login_at ? <Ago at={u.login_at} /> : <span class="muted">never</span>}{u.issuer && <span class="muted" title={u.issuer}> by single sign-on</span>}</span> },
		{ name: 'State', cell: (u) => (u.disabled ? <span class="badge tone-bad"><Icon name="stop" size={13} />disabled</span> : <span class="badge tone-ok"><Icon name="passed" size={13} />active</span>) },
		{ name: 'Actions', bare: true, cell: (u) => <span class="row-acts"><Button small onClick={() => setOpen({ user: u })} aria-label={`Change ${u.id}`}>Change</Button><Button small kind={u.disabled ? 'plain' : 'danger'} onClick={() => setOpen({ off: u })} aria-label={`${u.disabled ? 'Enable' : 'Disable'} ${u.id}`}>{u.disabled ? 'Enable' : 'Disable'}</Button></span> },
	];
	return (
		<>
			<Section
				title="Users" about="People who may log in: made here, or by the organization's single sign-on at their first login." query={query}
				action={<Button kind="primary" onClick={() => setOpen({ user: undefined })}>New user</Button>}
				empty={(d) => !d.users.length && nothing('person', 'No user yet', 'Until somebody is known by name, whoever has a token acts as that token, and four eyes cannot see who wrote what. Make a user here, or in a terminal:', "penstock user set ann --name 'Ann Lee' --email ann@example.com")}
			>
				{(d) => <div class="panel"><Table narrow="stack" caption="List of users" columns={columns} rows={d.users} keyOf={(u) => u.id} /></div>}
			</Section>
			{open && 'user' in open && <UserForm user={open.user} onClose={close} />}
			{open && 'off' in open && (
				<Confirm
					title={`${open.off.disabled ? 'Enable' : 'Disable'} ${open.off.id}?`} yes={open.off.disabled ? 'Enable' : 'Disable'} danger={!open.off.disabled} onClose={close}
					text={open.off.disabled ? 'They can log in again. Tokens and sessions from before stay ended.' : 'They can log in no more, and all their tokens and sessions end now. What they decided stays in the audit.'}
					act={async () => {
						const u = open.off;
						await write('POST', '/users', { id: u.id, name: u.name ?? '', email: u.email ?? '', groups: u.groups ?? [], disabled: !u.disabled });
						again('/users');
					}}
				/>
			)}
		</>
	);
}

function GrantForm({ onClose }: { onClose: () => void }) {
	const users = useQuery<{ users: User[] }>('/users?limit=1000');
	const environments = useQuery<{ environments: Environment[] }>('/environments?limit=1000');
	const groups = [...new Set((users.data?.users ?? []).flatMap((u) => u.groups ?? []))].sort();
	const [who, setWho] = useState('');
	const [role, setRole] = useState<Role>('developer');
	const [environment, setEnvironment] = useState('');
	return (
		<Form
			title="Give a role" yes="Give it" onClose={onClose} why={/^(user|group):.+/.test(who.trim()) ? undefined : 'Say to whom: user:NAME or group:NAME'}
			act={async () => {
				await write('POST', '/grants', { who: who.trim(), role, ...(environment ? { environment } : {}) });
				again('/grants');
				onClose();
			}}
		>
			<label class="field">
				<span>To</span>
				<input type="text" list="grant-who" autocomplete="off" spellcheck={false} placeholder="group:release-team" autofocus value={who} onInput={(e) => setWho(e.currentTarget.value)} />
				<datalist id="grant-who">{groups.map((g) => <option key={g} value={`group:${g}`} />)}{(users.data?.users ?? []).map((u) => <option key={u.id} value={`user:${u.id}`} />)}</datalist>
				<small class="muted">user:NAME or group:NAME. Groups outlive people: prefer them.</small>
			</label>
			<Pick label="Role" note="Each role may do what those before it may." value={role} options={[...ROLES]} onChange={setRole} />
			<Pick label="Where" value={environment} onChange={setEnvironment} options={[{ value: '', label: 'everywhere' }, ...(environments.data?.environments ?? []).map((e) => ({ value: e.id, label: `only in ${e.id}` }))]} />
		</Form>
	);
}

export function Grants() {
	const query = useQuery<{ grants: Grant[] }>('/grants?limit=1000');
	const [open, setOpen] = useState<'new' | Grant>();
	const close = () => setOpen(undefined);
	const columns: Column<Grant>[] = [
		{ name: 'Who', cell: (g) => <span class="who"><Icon name={g.who.startsWith('group:') ? 'people' : 'person'} size={14} /><strong>{person(g.who)}</strong></span> },
		{ name: 'Role', cell: (g) => <span class="chip" title={ROLES.find((r) => r.value === g.role)?.label}>{g.role}</span> },
		{ name: 'Where', cell: (g) => [g.environment && `in ${g.environment}`, g.project && `project ${g.project}`].filter(Boolean).join(', ') || 'everywhere' },
		{ name: 'Given by', cell: (g) => (g.actor ? person(g.actor) : ''), minor: true },
		{ name: 'Since', cell: (g) => <Ago at={g.since} /> },
		{ name: 'Actions', bare: true, cell: (g) => <Button small kind="danger" onClick={() => setOpen(g)} aria-label={`Take back: ${g.role} of ${g.who}`}>Take back</Button> },
	];
	return (
		<>
			<Section
				title="Roles" about="Who may do what, where: viewer, developer, approver, operator, admin. Each may do what those before it may." query={query}
				action={<Button kind="primary" onClick={() => setOpen('new')}>Give a role</Button>}
				empty={(d) => !d.grants.length && nothing('shield', 'Nobody has a role yet', 'Tokens carry their own role; people need one. Give it to a group of the people who do the same work:', 'penstock grant group:release-team approver')}
			>
				{(d) => <div class="panel"><Table narrow="stack" caption="Roles that were given" columns={columns} rows={d.grants} keyOf={(g) => g.id} /></div>}
			</Section>
			{open === 'new' && <GrantForm onClose={close} />}
			{open && open !== 'new' && (
				<Confirm
					title={`Take ${open.role} from ${person(open.who)}?`} yes="Take it back" danger onClose={close} text={`At once, also in what is open in their browsers${open.environment ? `, in ${open.environment}` : ''}.`}
					act={async () => {
						await write('DELETE', `/grants/${idPath(open.id)}`);
						again('/grants');
					}}
				/>
			)}
		</>
	);
}

export function Sessions() {
	const me = useMe();
	const query = useQuery<{ sessions: Session[] }>('/sessions?limit=1000');
	const [end, setEnd] = useState<Session>();
	const mine = (s: Session) => me?.via === s.id;
	const columns: Column<Session>[] = [
		{ name: 'Who', cell: (s) => <span class="who"><Icon name="person" size={14} /><strong>{person(s.actor)}</strong>{mine(s) && <span class="chip">this browser</span>}</span> },
		{ name: 'Browser', cell: (s) => <span title={s.agent}>{browserOf(s.agent)}</span> },
		{ name: 'Address', cell: (s) => <code>{s.address}</code>, minor: true },
		{ name: 'Since', cell: (s) => <Ago at={s.created_at} /> },
		{ name: 'Ends', cell: (s) => <Ago at={s.until} />, minor: true },
		{ name: 'Actions', bare: true, cell: (s) => <Button small kind="danger" onClick={() => setEnd(s)} aria-label={`Log out ${s.id}`}>Log out</Button> },
	];
	return (
		<>
			<Section
				title="Sessions" about="Browsers that are logged in. A session ends by itself, with its token, and when its user is disabled." query={query}
				empty={(d) => !d.sessions.filter((s) => !s.ended_at).length && nothing('person', 'No browser is logged in', 'Whoever logs in stands here, with where from.')}
			>
				{(d) => <div class="panel"><Table narrow="stack" caption="List of sessions" columns={columns} rows={d.sessions.filter((s) => !s.ended_at).sort((a, b) => Number(mine(b)) - Number(mine(a)) || (b.created_at ?? 0) - (a.created_at ?? 0))} keyOf={(s) => s.id} /></div>}
			</Section>
			{end && (
				<Confirm
					title={mine(end) ? 'Log this browser out?' : `Log ${person(end.actor)} out?`} yes="Log out" danger onClose={() => setEnd(undefined)} text={`The browser at ${end.address ?? 'an unknown address'} has to log in again.`}
					act={async () => {
						await write('DELETE', `/sessions/${idPath(end.id)}`);
						again('/sessions');
					}}
				/>
			)}
		</>
	);
}
