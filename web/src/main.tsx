import { render } from 'preact';
import { App } from './app';
import { startRouter } from './router';
import { startKeys } from './ui/keys';
import { startTips } from './ui/tip';

startRouter();
startKeys();
startTips();
render(<App />, document.getElementById('app') as HTMLElement);
