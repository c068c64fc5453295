// What few people need of the aids: loaded when the dialog of devices, the list of keys or one of the switches is used.

import { part } from '../parts';

export const aidsPart = part(() => import('./aids'));
