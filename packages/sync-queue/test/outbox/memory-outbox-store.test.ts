import { memoryOutboxStore } from '@holdfast/sync-queue';
import { describeOutboxStore } from './store-contract.ts';

describeOutboxStore('memory', async () => ({ store: memoryOutboxStore(), close: async () => {} }));
