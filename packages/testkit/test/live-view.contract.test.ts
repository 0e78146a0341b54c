import { liveView } from '@tidemark/core';
import { type Item, replicaContract } from '@tidemark/testkit';

replicaContract(
  { describe, it },
  {
    name: 'liveView',
    shared: false,
    open: async () => {
      const view = liveView<Item>({ key: (item) => item.id });
      return { replica: () => view, rows: async () => new Map(view), close: async () => undefined };
    },
  },
);
