import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formCode, wholeCode } from '../src/pages/device/code';
import { browserOf } from '../src/pages/settings/browser';

test('device: a code is read as people type it', () => {
	assert.deepEqual(['', 'bcdf', 'bcdfg', 'BCDF-GHJK', ' bcdf ghjk ', 'bcdfghjklmn', '12-bcdf'].map(formCode), ['', 'BCDF', 'BCDF-G', 'BCDF-GHJK', 'BCDF-GHJK', 'BCDF-GHJK', 'BCDF']);
	assert.deepEqual(['BCDF-GHJK', 'BCDF', 'BCDF-GHJ', ''].map(wholeCode), [true, false, false, false]);
});
test('settings: browsers by name', () => {
	assert.deepEqual(
		[
			'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0',
			'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36 Edg/126.0.0.0',
			'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15',
			'curl/8.0', undefined,
		].map(browserOf),
		['Firefox 128, Linux', 'Edge 126, Windows', 'Safari 17, Mac OS X', 'curl/8.0', 'unknown'],
	);
});
