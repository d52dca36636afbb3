// The frame around every page: where one can go, who one is, whether it is live.
import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useMemo, useState } from 'preact/hooks';
import { write } from '../api/client';
import { currentMe, useMe } from '../api/me';
import { go, usePlace } from '../router';
import { hasPage, pages } from '../routes';
import { Button, cx, Key } from './basics';
import { Dialog } from './dialog';
import { person } from './format';
import { Icon } from './icon';
import { isMac, shortcuts, useShortcut } from './keys';
import { LinkState } from './link';
import { Menu } from './menu';
import { Palette, type Goal } from './palette';
import { toastProblem } from './toast';

type Theme = 'auto' | 'light' | 'dark';
const themeNow = (): Theme => (document.documentElement.dataset['theme'] as Theme | undefined) ?? 'auto';
function setTheme(theme: Theme): void {
	if (theme === 'auto') delete document.documentElement.dataset['theme'];
	else document.documentElement.dataset['theme'] = theme;
	try {
		if (theme === 'auto') localStorage.removeItem('penstock-theme');
		else localStorage.setItem('penstock-theme', theme);
	} catch {
		// it holds for this page only
	}
}

export async function logOut(): Promise<void> {
	try {
		await write('POST', '/logout');
		location.assign('/login');
	} catch (problem) {
		toastProblem(problem);
	}
}

function GoKeys({ navKey, label, to }: { navKey: string; label: string; to: string }) {
	useShortcut(`g ${navKey}`, label, 'Go to', () => go(to));
	return null;
}

const shown = (keys: string) => keys.replace('mod+', isMac ? '\u2318 ' : 'Ctrl ').split(' ');

function Help({ onClose }: { onClose: () => void }) {
	const groups = new Map<string, { keys: string; label: string }[]>();
	for (const s of shortcuts()) if (!s.hidden) groups.set(s.group, [...(groups.get(s.group) ?? []), s]);
	return (
		<Dialog title="Keyboard shortcuts" onClose={onClose}>
			<div class="help">
				{[...groups].map(([group, list]) => (
					<section key={group}>
						<h3>{group}</h3>
						<dl>
							{list.map((s) => (
								<div key={s.keys}>
									<dt>{shown(s.keys).map((k, i) => <Key key={i}>{k.length === 1 ? k.toUpperCase() : k}</Key>)}</dt>
									<dd>{s.label}</dd>
								</div>
							))}
						</dl>
					</section>
				))}
			</div>
		</Dialog>
	);
}

function Nav({ path, onGo }: { path: string; onGo?: () => void }) {
	return (
		<nav class="nav" aria-label="Pages">
			<ul>
				{pages.filter((p) => p.nav).map((p) => {
					const here = path === p.path || path.startsWith(`${p.path}/`);
					return (
						<li key={p.path}>
							<a href={p.path} class={cx('nav-item', here && 'here')} aria-current={here ? 'page' : undefined} onClick={onGo}>
								<Icon name={p.nav!.icon} />
								<span>{p.nav!.label}</span>
							</a>
						</li>
					);
				})}
			</ul>
		</nav>
	);
}

function Mark() {
	return (
		<svg class="mark" width="22" height="22" viewBox="0 0 32 32" aria-hidden="true">
			<rect width="32" height="32" rx="7" fill="var(--accent-solid)" />
			<path d="M7 9h7a9 9 0 0 1 9 9v6" fill="none" stroke="#fff" stroke-width="4.5" stroke-linecap="round" />
			<circle cx="23" cy="9" r="2.6" fill="#fff" />
		</svg>
	);
}

export function Shell({ project, children }: { project: string | undefined; children: ComponentChildren }) {
	const place = usePlace();
	const me = useMe();
	const [theme, setThemeState] = useState<Theme>(themeNow);
	const [open, setOpen] = useState<'palette' | 'help' | 'nav' | null>(null);
	const close = () => setOpen(null);
	useLayoutEffect(close, [place.path]);
	const choose = (next: Theme) => {
		setTheme(next);
		setThemeState(next);
	};
	useShortcut('mod+k', 'Go anywhere', 'Everywhere', () => setOpen(open === 'palette' ? null : 'palette'));
	useShortcut('?', 'Show these shortcuts', 'Everywhere', () => setOpen('help'));
	useShortcut('/', 'To the filter or search of the page', 'Everywhere', () => {
		const field = document.querySelector<HTMLInputElement>('[data-filter]');
		field?.focus();
		field?.select();
	});
	const actions = useMemo<Goal[]>(
		() => [
			{ label: 'Keyboard shortcuts', icon: 'keyboard', note: '?', act: () => setOpen('help') },
			{ label: 'Theme: dark', icon: 'moon', note: 'appearance', act: () => choose('dark') },
			{ label: 'Theme: light', icon: 'sun', note: 'appearance', act: () => choose('light') },
			{ label: 'Theme: as the system', icon: 'auto', note: 'appearance', act: () => choose('auto') },
		],
		[],
	);
	const themeMenu = (
		<Menu
			label="Theme" icon={theme === 'auto' ? 'auto' : theme === 'dark' ? 'moon' : 'sun'}
			items={(['auto', 'light', 'dark'] as const).map((t) => ({ label: { auto: 'As the system', light: 'Light', dark: 'Dark' }[t], checked: theme === t, act: () => choose(t) }))}
		/>
	);
	const name = me ? me.name || person(me.actor) : undefined;
	const side = (onGo?: () => void) => (
		<>
			<button type="button" class="find" onClick={() => setOpen('palette')}>
				<Icon name="search" size={14} />
				<span>Go to</span>
				<span class="find-key"><Key>{isMac ? '\u2318 K' : 'Ctrl K'}</Key></span>
			</button>
			<Nav path={place.path} {...(onGo ? { onGo } : {})} />
			<div class="side-foot">
				<LinkState />
				<div class="side-tools">
					{name && (
						<Menu
							label={`Signed in as ${name}`} icon="person"
							items={[
								{ label: `${name}${me?.role ? `, ${me.role}` : ''}`, icon: 'person', ...(hasPage('/settings') ? { href: '/settings' } : {}) },
								...(currentMe()?.csrf ? [{ label: 'Sign out', icon: 'out' as const, act: () => void logOut() }] : []),
							]}
						/>
					)}
					{themeMenu}
					<Button kind="quiet" icon="keyboard" aria-label="Keyboard shortcuts" title="Keyboard shortcuts (?)" onClick={() => setOpen('help')} />
				</div>
			</div>
		</>
	);
	return (
		<div class="shell">
			<a class="skip" href="#main" onClick={(e) => { e.preventDefault(); document.getElementById('main')?.focus(); }}>Skip to the content</a>
			{pages.filter((p) => p.nav).map((p) => <GoKeys key={p.path} navKey={p.nav!.key} label={p.nav!.label} to={p.path} />)}
			<header class="top">
				<Button kind="quiet" icon="menu" aria-label="Menu" aria-expanded={open === 'nav'} onClick={() => setOpen('nav')} />
				<a class="brand" href="/way"><Mark /><span>{project || 'Penstock'}</span></a>
				<LinkState />
			</header>
			<aside class="side" aria-label="Frame">
				<a class="brand" href="/way"><Mark /><span>{project || 'Penstock'}</span></a>
				{side()}
			</aside>
			<main id="main" tabIndex={-1}>{children}</main>
			{open === 'nav' && (
				<Dialog title="Menu" onClose={close}>
					<div class="drawer">{side(close)}</div>
				</Dialog>
			)}
			{open === 'palette' && <Palette onClose={close} actions={actions} />}
			{open === 'help' && <Help onClose={close} />}
		</div>
	);
}
