import { render } from 'preact';
import { App } from './app';
import { startRouter } from './router';
import { startKeys } from './ui/keys';

startRouter();
startKeys();
render(<App />, document.getElementById('app') as HTMLElement);
