// A button with a list of things to do: arrows move, Escape and a click elsewhere close.
import { useEffect, useId, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { Button, cx } from './basics';
import { Icon, type IconName } from './icon';

const EDGE = 8; // px that stay free at the screen's edge

export interface MenuItem {
	label: string;
	icon?: IconName;
	danger?: boolean;
	checked?: boolean;
	why?: string | undefined; // why it cannot be chosen now
	act?: () => void;
	href?: string;
}

export function Menu({ label, icon, items, children }: { label: string; icon?: IconName; items: MenuItem[]; children?: preact.ComponentChildren }) {
	const [open, setOpen] = useState(false);
	const box = useRef<HTMLDivElement>(null);
	const id = useId();
	// It ends where its button does, and is moved to the right as far as it would begin beyond the screen's left edge.
	useLayoutEffect(() => {
		const list = open && box.current?.querySelector<HTMLElement>('.menu-list');
		if (!list) return;
		const left = list.getBoundingClientRect().left;
		if (left < EDGE) list.style.transform = `translateX(${EDGE - left}px)`;
	}, [open]);
	useEffect(() => {
		if (!open) return;
		box.current?.querySelector<HTMLElement>('[role^=menuitem]')?.focus();
		const outside = (event: Event) => {
			if (!box.current?.contains(event.target as Node)) setOpen(false);
		};
		document.addEventListener('mousedown', outside);
		return () => document.removeEventListener('mousedown', outside);
	}, [open]);
	const close = () => {
		setOpen(false);
		box.current?.querySelector('button')?.focus();
	};
	const onKey = (event: KeyboardEvent) => {
		if (!open) return;
		const all = [...(box.current?.querySelectorAll<HTMLElement>('[role^=menuitem]') ?? [])];
		const at = all.indexOf(document.activeElement as HTMLElement);
		const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
		if (to !== undefined) all[(to + all.length) % all.length]?.focus();
		else if (event.key === 'Escape') close();
		else if (event.key === 'Tab') setOpen(false);
		if (to !== undefined || event.key === 'Escape') {
			event.preventDefault();
			event.stopPropagation();
		}
	};
	return (
		<div class="menu" ref={box} onKeyDown={onKey}>
			<Button kind={children ? 'plain' : 'quiet'} {...(icon ? { icon } : {})} aria-haspopup="menu" aria-expanded={open} aria-controls={id} aria-label={children ? undefined : label} title={children ? undefined : label} onClick={() => setOpen(!open)}>
				{children}
			</Button>
			{open && (
				<div class="menu-list" role="menu" id={id} aria-label={label}>
					{items.map((item) => {
						const inside = (
							<>
								<span class="menu-icon">{item.checked !== undefined ? item.checked && <Icon name="check" /> : item.icon && <Icon name={item.icon} />}</span>
								<span>{item.label}{item.why && <small>{item.why}</small>}</span>
							</>
						);
						const role = item.checked !== undefined ? 'menuitemradio' : 'menuitem';
						if (item.href) return <a key={item.label} role={role} tabIndex={-1} class="menu-item" href={item.href} onClick={close}>{inside}</a>;
						return (
							<button
								key={item.label} type="button" role={role} tabIndex={-1} aria-checked={item.checked} aria-disabled={item.why ? 'true' : undefined}
								class={cx('menu-item', item.danger && 'menu-danger')}
								onClick={() => {
									if (item.why) return;
									close();
									item.act?.();
								}}
							>
								{inside}
							</button>
						);
					})}
				</div>
			)}
		</div>
	);
}
