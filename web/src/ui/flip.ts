// Things that move from place to place are seen to move: the place before and after are measured, and the way between is played.
import type { RefObject } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';

const calm = () => matchMedia('(prefers-reduced-motion: reduce)').matches;

// Every element below `box` with data-flip="KEY" that stands elsewhere than at the last render glides there; a new one fades in.
export function useFlip(box: RefObject<HTMLElement | null>): void {
	const before = useRef<Map<string, { x: number; y: number }>>(undefined);
	useLayoutEffect(() => {
		const root = box.current;
		if (!root) return;
		const origin = root.getBoundingClientRect();
		const now = new Map<string, { x: number; y: number }>();
		for (const element of root.querySelectorAll<HTMLElement>('[data-flip]')) {
			const key = element.dataset['flip'] as string;
			const rect = element.getBoundingClientRect();
			// Against the box, so that scrolling is no movement.
			const place = { x: rect.left - origin.left + root.scrollLeft, y: rect.top - origin.top + root.scrollTop };
			now.set(key, place);
			const old = before.current?.get(key);
			if (!before.current || calm()) continue;
			if (!old) element.animate([{ opacity: 0, transform: 'translateY(-4px)' }, {}], { duration: 180, easing: 'ease-out' });
			else if (Math.abs(old.x - place.x) > 1 || Math.abs(old.y - place.y) > 1)
				element.animate([{ transform: `translate(${old.x - place.x}px, ${old.y - place.y}px)`, zIndex: 3 }, { transform: 'none', zIndex: 3 }], { duration: 320, easing: 'cubic-bezier(.2,.8,.2,1)' });
		}
		before.current = now;
	});
}
