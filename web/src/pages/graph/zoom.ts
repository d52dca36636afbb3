// Where a picture stands in its window. Pure.
export interface Zoom {
	x: number; // of the picture's left top corner, in the window's pixels
	y: number;
	k: number;
}
export const LEAST = 0.12;
export const MOST = 2;

// All of it, in the middle, hardly larger than life.
export function fit(width: number, height: number, window: { width: number; height: number }, room = 24): Zoom {
	const k = Math.max(LEAST, Math.min(1.15, (window.width - 2 * room) / Math.max(1, width), (window.height - 2 * room) / Math.max(1, height)));
	return { k, x: (window.width - width * k) / 2, y: (window.height - height * k) / 2 };
}
// At first: all of it where its words can be read then, else from its left, as large as they need.
export const READABLE = 0.75;
export function begin(width: number, height: number, window: { width: number; height: number }, room = 24): Zoom {
	const whole = fit(width, height, window, room);
	if (whole.k >= READABLE) return whole;
	const wide = width * READABLE;
	return { k: READABLE, x: wide > window.width - 2 * room ? room : (window.width - wide) / 2, y: (window.height - height * READABLE) / 2 };
}
// What is under the point stays there.
export function zoomAt(zoom: Zoom, factor: number, at: { x: number; y: number }): Zoom {
	const k = Math.max(LEAST, Math.min(MOST, zoom.k * factor));
	return { k, x: at.x - ((at.x - zoom.x) / zoom.k) * k, y: at.y - ((at.y - zoom.y) / zoom.k) * k };
}
// Moves no more than needed so that the box is inside the window.
export function reveal(zoom: Zoom, box: { x: number; y: number; width: number; height: number }, window: { width: number; height: number }, room = 20): Zoom {
	const left = box.x * zoom.k + zoom.x;
	const top = box.y * zoom.k + zoom.y;
	const right = left + box.width * zoom.k;
	const bottom = top + box.height * zoom.k;
	let { x, y } = zoom;
	if (left < room) x += room - left;
	else if (right > window.width - room) x -= right - (window.width - room);
	if (top < room) y += room - top;
	else if (bottom > window.height - room) y -= bottom - (window.height - room);
	return { k: zoom.k, x, y };
}
