// Device: a program without a browser shows a code; here a person lets it in, or not.
import { useState } from 'preact/hooks';
import { write } from '../../api/client';
import { useMe } from '../../api/me';
import { usePlace } from '../../router';
import type { PageProps } from '../../routes';
import { Button, Command, Failure, useTitle } from '../../ui/basics';
import { person } from '../../ui/format';
import { Icon } from '../../ui/icon';
import { formCode, wholeCode } from './code';

type Done = { yes: boolean; name: string };

export default function Device(_: PageProps) {
	const given = usePlace().query.get('code') ?? '';
	const me = useMe();
	const [code, setCode] = useState(formCode(given));
	const [busy, setBusy] = useState(false);
	const [done, setDone] = useState<Done>();
	const [problem, setProblem] = useState<unknown>();
	useTitle('Let a program in');
	const user = !me || me.actor.startsWith('user:');
	const why = busy ? 'One moment' : !wholeCode(code) ? 'The code has eight letters' : undefined;
	const answer = async (ok: boolean) => {
		setBusy(true);
		setProblem(undefined);
		try {
			const said = await write<{ name?: string }>('POST', '/login/device/approve', { user_code: code, ok });
			setDone({ yes: ok, name: said.name ?? 'the program' });
		} catch (failure) {
			setProblem(failure);
		}
		setBusy(false);
	};
	if (done)
		return (
			<div class="page">
				<section class="panel device" role="status">
					<span class={`state-icon ${done.yes ? 'tone-ok' : 'tone-idle'}`}><Icon name={done.yes ? 'passed' : 'cancelled'} size={32} /></span>
					<h1>{done.yes ? `${done.name} is let in` : `${done.name} is not let in`}</h1>
					<p>{done.yes ? 'It has its token within two seconds. You can close this page and go back to the terminal.' : 'It is told so, and has nothing. If you did not expect the question, tell an administrator: somebody had your attention in mind.'}</p>
					{done.yes && <p><a href="/settings/tokens">Your tokens</a>, where it can be revoked at any time</p>}
				</section>
			</div>
		);
	return (
		<div class="page">
			<form class="panel device" onSubmit={(e) => { e.preventDefault(); if (!why && user) void answer(true); }}>
				<span class="state-icon tone-run"><Icon name="terminal" size={32} /></span>
				<h1>Let a program in?</h1>
				<p>A program, most likely <code>penstock login</code> at a terminal, asks to act as you. Say yes only when you started it yourself just now, and it shows this code:</p>
				<label class="field device-field">
					<span>Code</span>
					<input
						type="text" class="device-code" inputMode="text" autocomplete="one-time-code" spellcheck={false} autocapitalize="characters" autofocus={!given} aria-describedby="device-grants" placeholder="BCDF-GHJK" maxLength={12}
						value={code} onInput={(e) => setCode(formCode(e.currentTarget.value))}
					/>
				</label>
				<dl class="device-grants" id="device-grants">
					<div><dt>It acts as</dt><dd><strong>{me ? me.name || person(me.actor) : 'you'}</strong>{me && (me.name || person(me.actor)) !== me.actor && <span class="muted"> {me.actor}</span>}</dd></div>
					<div><dt>It may do</dt><dd>whatever you may{me?.role ? <>: <span class="chip">{me.role}</span></> : ''}{me?.roles?.some((r) => r.environment) ? `, in ${me.roles.map((r) => r.environment ?? 'all').join(', ')}` : ''}</dd></div>
					<div><dt>Until</dt><dd>90 days from now, or until its token is revoked: in the settings, or by <code>penstock logout</code></dd></div>
				</dl>
				{!user && (
					<div class="notice tone-wait"><Icon name="flaky" /><div>You are logged in with a machine's token ({me?.actor}). A program can only act as a user: log in as one, or make a token for it in the <a href="/settings/tokens">settings</a>, and give it to <Command text={`penstock login --server ${location.origin} --token -`} /></div></div>
				)}
				{problem !== undefined && <Failure problem={problem} />}
				<div class="device-acts">
					<Button type="button" why={why} onClick={() => void answer(false)}>No, refuse it</Button>
					<Button type="submit" kind="primary" why={!user ? 'A machine cannot let others in' : why}>Yes, let it in</Button>
				</div>
			</form>
		</div>
	);
}
