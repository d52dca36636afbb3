// Login: a token, or the organization's own sign-in when it is set up.
import { useEffect, useState } from 'preact/hooks';
import { BASE, read, write } from '../../api/client';
import { Problem } from '../../api/problem';
import type { LoginWays } from '../../api/types';
import { currentPlace } from '../../router';
import type { PageProps } from '../../routes';
import { Button, Command, Failure, useTitle } from '../../ui/basics';
import { safeReturn } from './return';

export default function Login(_: PageProps) {
	const [ways, setWays] = useState<LoginWays>();
	const [token, setToken] = useState('');
	const [shown, setShown] = useState(false);
	const [busy, setBusy] = useState(false);
	const [problem, setProblem] = useState<unknown>();
	const to = safeReturn(currentPlace().query.get('to'));
	useTitle('Sign in');
	useEffect(() => {
		read<LoginWays>('/login').then((answer) => setWays(answer.data ?? {}), (failure) => {
			setWays({ token: true });
			if (failure instanceof Problem && failure.status === 0) setProblem(failure);
		});
	}, []);
	const submit = async (event: Event) => {
		event.preventDefault();
		if (!token.trim() || busy) return;
		setBusy(true);
		setProblem(undefined);
		try {
			await write('POST', '/login', { token: token.trim() });
			// A whole new page: nothing of who was here before stays in memory.
			location.assign(to);
		} catch (failure) {
			setBusy(false);
			setProblem(failure instanceof Problem && failure.status === 401 && !failure.detail ? new Problem(401, 'denied', 'This token is not known here.', 'This token is not known here, or it has expired.') : failure);
		}
	};
	return (
		<main class="login" id="main">
			<div class="login-box">
				<svg class="mark" width="40" height="40" viewBox="0 0 32 32" aria-hidden="true">
					<rect width="32" height="32" rx="7" fill="var(--accent-solid)" />
					<path d="M7 9h7a9 9 0 0 1 9 9v6" fill="none" stroke="#fff" stroke-width="4.5" stroke-linecap="round" />
					<circle cx="23" cy="9" r="2.6" fill="#fff" />
				</svg>
				<h1>Sign in to Penstock</h1>
				{ways?.oidc && (
					<>
						<a class="button button-primary button-wide" href={`${BASE}/login/oidc?to=${encodeURIComponent(to)}`}>Continue with {ways.oidc.name}</a>
						{ways.token !== false && <p class="login-or"><span>or with a token</span></p>}
					</>
				)}
				{ways?.token !== false && (
					<form class="form" onSubmit={submit}>
						<label class="field">
							<span>Token</span>
							<span class="field-row">
								<input
									type={(shown ? 'text' : 'password') as 'password'} name="token" autocomplete="current-password" spellcheck={false} autocapitalize="off" autofocus required
									placeholder="pst_" aria-describedby="login-help" value={token} onInput={(e) => setToken(e.currentTarget.value)}
								/>
								<Button icon="eye" aria-label={shown ? 'Hide the token' : 'Show the token'} aria-pressed={shown} onClick={() => setShown(!shown)} />
							</span>
						</label>
						{problem !== undefined && <Failure problem={problem} />}
						<Button type="submit" kind={ways?.oidc ? 'plain' : 'primary'} class="button-wide" why={busy ? 'One moment' : undefined}>{busy ? 'Signing in' : 'Sign in'}</Button>
					</form>
				)}
				<p class="login-help" id="login-help">
					The daemon prints the administrator's token at its first start, once. Later ones are made on its machine, or by an administrator:
				</p>
				<Command text="penstock token create NAME --role developer" />
			</div>
		</main>
	);
}
