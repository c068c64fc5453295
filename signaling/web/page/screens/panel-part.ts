// What only hosts need is loaded for them.

import { part } from '../parts';

export const panelPart = part(() => import('./panel'));
