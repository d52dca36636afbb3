// Tokens: by which programs, and people at a terminal, come in.
import { useState } from 'preact/hooks';
import { idPath, write } from '../../api/client';
import { useQuery } from '../../api/hooks';
import { mayDo, useMe } from '../../api/me';
import { refetch } from '../../api/store';
import type { Environment, Role } from '../../api/types';
import { Button, Command, Copy, Table, type Column } from '../../ui/basics';
import { Confirm, Dialog } from '../../ui/dialog';
import { person, serverNow } from '../../ui/format';
import { Icon } from '../../ui/icon';
import { Segments } from '../../ui/tabs';
import { Ago } from '../../ui/time';
import { Field, Form, nothing, Pick, ROLES, Section, words } from './parts';
import type { Token } from './types';

const SOON = 7 * 24 * 3600e6; // usec
const spans = [{ value: '7d', label: '7 days' }, { value: '30d', label: '30 days' }, { value: '90d', label: '90 days' }, { value: '365d', label: 'a year' }, { value: '', label: 'no end' }];

const again = () => refetch((p) => p.startsWith('/tokens') || p.startsWith('/me/tokens'));

function TokenForm({ mine, onMade, onClose }: { mine: boolean; onMade: (name: string, secret: string) => void; onClose: () => void }) {
	const environments = useQuery<{ environments: Environment[] }>('/environments?limit=1000');
	const [name, setName] = useState('');
	const [role, setRole] = useState<Role | ''>(mine ? '' : 'developer');
	const [environment, setEnvironment] = useState('');
	const [groups, setGroups] = useState('');
	const [span, setSpan] = useState('90d');
	return (
		<Form
			title={mine ? 'New token that acts as you' : 'New token for a machine'} yes="Make token" onClose={onClose} why={name.trim() ? undefined : 'Give it a name first'}
			act={async () => {
				const body = { name: name.trim(), ...(role ? { role } : {}), ...(environment ? { environment } : {}), ...(span ? { for: span } : {}), ...(!mine && groups.trim() ? { groups: words(groups) } : {}) };
				const made = await write<{ token?: string }>('POST', mine ? '/me/tokens' : '/tokens', body);
				again();
				onMade(name.trim(), made.token ?? '');
			}}
		>
			<Field label="Name" note={mine ? 'Where it will be: laptop, script' : 'token:NAME stands in the audit for what it does'} value={name} onInput={setName} placeholder={mine ? 'laptop' : 'deploy-bot'} autofocus />
			<Pick<Role | ''> label="Role" note={mine ? 'Never more than yours' : 'The least that does its work'} value={role} onChange={setRole} options={[...(mine ? [{ value: '' as const, label: 'as much as you may' }] : []), ...ROLES]} />
			<Pick label="Where" value={environment} onChange={setEnvironment} options={[{ value: '', label: 'everywhere' }, ...(environments.data?.environments ?? []).map((e) => ({ value: e.id, label: `only in ${e.id}` }))]} />
			{!mine && <Field label="Groups" note="With commas, for the gate's approve.by. Mostly none." value={groups} onInput={setGroups} />}
			<Pick label="Expires after" note={span ? 'It opens nothing after that' : 'Without an end it has to be revoked by hand'} value={span} onChange={setSpan} options={spans} />
		</Form>
	);
}

function Made({ name, secret, onClose }: { name: string; secret: string; onClose: () => void }) {
	return (
		<Dialog title={`The token ${name}`} onClose={onClose}>
			<div class="stack">
				<div class="notice tone-wait"><Icon name="flaky" /><div>It is shown this once: only its hash is kept. Copy it now.</div></div>
				<p class="secret"><code>{secret}</code><Copy text={secret} label="Copy the token" /></p>
				<p class="muted">In a terminal, read from standard input so that no history keeps it:</p>
				<Command text={`penstock login --server ${location.origin} --token -`} />
				<footer class="dialog-foot"><Button kind="primary" onClick={onClose}>I have it</Button></footer>
			</div>
		</Dialog>
	);
}

function Ends({ token }: { token: Token }) {
	if (!token.until) return <span class="muted">no end</span>;
	const left = token.until - serverNow();
	if (left <= 0) return <span class="badge tone-bad"><Icon name="clock" size={13} />expired <Ago at={token.until} /></span>;
	return left < SOON ? <span class="badge tone-wait"><Icon name="clock" size={13} /><Ago at={token.until} /></span> : <Ago at={token.until} />;
}

export function Tokens() {
	const me = useMe();
	const admin = mayDo(me, 'admin');
	const [all, setAll] = useState(admin);
	const path = all && admin ? '/tokens?limit=1000' : '/me/tokens';
	const query = useQuery<{ tokens: Token[] }>(path);
	const [open, setOpen] = useState<{ mine: boolean } | { made: string; secret: string } | { end: Token }>();
	// A dialog that goes away says that it was closed after the next one stands: only its own is closed by that.
	const close = (kind: 'mine' | 'made' | 'end') => () => setOpen((now) => (now && kind in now ? undefined : now));
	const columns: Column<Token>[] = [
		{ name: 'Token', cell: (t) => <span class="who"><Icon name="shield" size={14} /><span><strong>{t.name}</strong> <span class="muted">{t.id}</span></span></span> },
		{ name: 'Acts as', cell: (t) => (t.owner ? person(t.owner) : t.scope ? <span class="chip" title="For this one thing only">{t.scope}{t.read_only ? ', reads' : ''}</span> : `token:${t.name}`), minor: true },
		{ name: 'Role', cell: (t) => (t.role ? <span class="chip">{t.role}</span> : <span class="muted">none</span>) },
		{ name: 'Where', cell: (t) => t.environment ?? 'everywhere', minor: true },
		{ name: 'Last use', cell: (t) => (t.used_at ? <span><Ago at={t.used_at} />{t.used_from && <span class="muted"> from {t.used_from}</span>}</span> : <span class="muted">never</span>) },
		{ name: 'Expires', cell: (t) => <Ends token={t} /> },
		{ name: 'Actions', bare: true, cell: (t) => <Button small kind="danger" onClick={() => setOpen({ end: t })} aria-label={`Revoke ${t.name}`}>Revoke</Button> },
	];
	return (
		<>
			<Section
				title="Tokens" about="What programs, and people at a terminal, log in with. Last use is noted at most once an hour." query={query}
				action={
					<span class="button-row">
						{admin && <Segments label="Whose" value={all ? 'all' : 'mine'} onChange={(v) => setAll(v === 'all')} options={[{ value: 'all', label: 'All' }, { value: 'mine', label: 'Mine' }]} />}
						<Button onClick={() => setOpen({ mine: true })}>New for me</Button>
						{admin && <Button kind="primary" onClick={() => setOpen({ mine: false })}>New for a machine</Button>}
					</span>
				}
				empty={(d) => !d.tokens.filter((t) => !t.ended_at).length && nothing('shield', all ? 'No token yet' : 'You have no token', 'At a terminal, this asks for one and keeps it; you say yes in this browser:', `penstock login --server ${location.origin}`)}
			>
				{(d) => <div class="panel"><Table narrow="stack" caption="List of tokens" columns={columns} rows={d.tokens.filter((t) => !t.ended_at).sort((a, b) => a.name.localeCompare(b.name))} keyOf={(t) => t.id} /></div>}
			</Section>
			{open && 'mine' in open && <TokenForm mine={open.mine} onClose={close('mine')} onMade={(made, secret) => setOpen({ made, secret })} />}
			{open && 'made' in open && <Made name={open.made} secret={open.secret} onClose={close('made')} />}
			{open && 'end' in open && (
				<Confirm
					title={`Revoke ${open.end.name}?`} yes="Revoke" danger onClose={close('end')} text="It opens nothing from now on, and sessions that began with it end. A program that uses it fails until it has another."
					act={async () => {
						await write('DELETE', `${all ? '/tokens' : '/me/tokens'}/${idPath(open.end.id)}`);
						again();
					}}
				/>
			)}
		</>
	);
}
