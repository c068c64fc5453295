// Messages and papers: loaded when the panel is opened, or when something came, because the last screen shows it when there may be no network.

import { part } from '../parts';

export const papersPart = part(() => import('./papers'));
