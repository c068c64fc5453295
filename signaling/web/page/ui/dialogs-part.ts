// The dialogs of the stage: few people open them, and none at once.

import { part } from '../parts';

export const dialogsPart = part(() => import('./dialogs'));
