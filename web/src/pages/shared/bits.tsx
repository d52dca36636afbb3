// Small parts that the pages of delivery share.
import type { ComponentChildren } from 'preact';
import type { Change } from '../../api/types';
import { copyText, cx, Digest, Key } from '../../ui/basics';
import { person, shortRef } from '../../ui/format';
import { Icon, type IconName } from '../../ui/icon';
import { Menu, type MenuItem } from '../../ui/menu';
import { toast } from '../../ui/toast';

export function Trail({ path, at }: { path: { href: string; text: string }[]; at: string }) {
	return (
		<nav class="trail-line" aria-label="Where this is">
			{path.map((p) => <span key={p.href}><a href={p.href}>{p.text}</a><Icon name="right" size={12} /></span>)}
			<span aria-current="page">{at}</span>
		</nav>
	);
}

export function Panel({ title, id, note, tools, children, flush }: { title: string; id?: string; note?: ComponentChildren; tools?: ComponentChildren; children: ComponentChildren; flush?: boolean }) {
	return (
		<section class="panel" aria-label={title} {...(id ? { id } : {})}>
			<header class="panel-head"><h2>{title}{note !== undefined && note !== null && <span class="panel-note">{note}</span>}</h2>{tools}</header>
			<div class={flush ? undefined : 'panel-body'}>{children}</div>
		</section>
	);
}

export function ChangeFacts({ change }: { change: Change }) {
	return (
		<>
			{change.author && <span title={change.email}><Icon name="person" size={14} />{person(change.author)}</span>}
			{change.ref && <span><Icon name="branch" size={14} />{shortRef(change.ref)}</span>}
			{change.commit && <span><Icon name="commit" size={14} /><Digest value={change.commit} label="Copy the commit" /></span>}
			{change.repo && <span class="muted">{change.repo}</span>}
		</>
	);
}

// Every page's last menu: the same in the terminal, and for programs.
export function MoreMenu({ commands, json, items = [] }: { commands: string[]; json: string; items?: MenuItem[] }) {
	const copy = (text: string, said: string) => void copyText(text).then((ok) => ok && toast(said));
	return (
		<Menu
			label="More" icon="more"
			items={[
				...items,
				...commands.map((c) => ({ label: `Copy: ${c}`, icon: 'terminal' as IconName, act: () => copy(c, `Copied: ${c}`) })),
				{ label: 'Copy the link', icon: 'link', act: () => copy(location.href, 'The link is copied') },
				{ label: 'As JSON', icon: 'external', act: () => void open(`/api/v1${json}`, '_blank', 'noopener') },
			]}
		/>
	);
}

export function Note({ tone, icon, children }: { tone: string; icon: IconName; children: ComponentChildren }) {
	return <div class={cx('notice', `tone-${tone}`)}><Icon name={icon} /><div>{children}</div></div>;
}

// The key that does the same, shown behind the words of a button.
export function Hint({ k }: { k: string }) {
	return <span class="button-key" aria-hidden="true"><Key>{k}</Key></span>;
}
