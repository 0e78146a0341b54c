import { liveView } from '@tidemark/core';
import { type Item, replicaContract, type VersionedItem } from '@tidemark/testkit';

replicaContract(
  { describe, it },
  {
    name: 'liveView',
    shared: false,
    open: async () => {
      const view = liveView<Item>({ key: (item) => item.id });
      return { replica: () => view, rows: async () => new Map(view), close: async () => undefined };
    },
    features: {
      versioned: async () => {
        const view = liveView<VersionedItem>({ key: (item) => item.id, version: (item) => item.version });
        return { replica: () => view, rows: async () => new Map(view), close: async () => undefined };
      },
    },
  },
);
