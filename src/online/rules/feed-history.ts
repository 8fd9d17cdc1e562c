import type { EventColumns } from './event-columns.ts';
import type { HistoryEvents, HistoryPartition } from './history-events.ts';
import type { RuleEngine } from './rule-engine.ts';

interface OpenPartition {
  place: HistoryPartition;
  pieces: AsyncGenerator<EventColumns>;
  maxTimeMs: number;
}

/**
 * Feeds an engine with the whole history, all partitions side by side, the one that lags behind in event time first: so few events wait
 * for each other. The engine's partitions must be assigned. `onPiece` is called after each piece.
 */
export async function feedHistory(history: HistoryEvents, engine: RuleEngine, onPiece: () => void): Promise<void> {
  const open = history.partitions.map((place): OpenPartition => {
    const from = engine.position(place.topic, place.partition) ?? place.first;
    return { place, pieces: history.read(place, from), maxTimeMs: Number.NEGATIVE_INFINITY };
  });
  try {
    while (open.length > 0) {
      open.sort((a, b) => a.maxTimeMs - b.maxTimeMs);
      const [partition] = open as [OpenPartition];
      const piece = await partition.pieces.next();
      if (piece.done) {
        engine.skipTo(partition.place.topic, partition.place.partition, partition.place.next);
        open.shift();
        continue;
      }
      engine.push(piece.value);
      for (const timeMs of piece.value.times) if (timeMs > partition.maxTimeMs) partition.maxTimeMs = timeMs;
      onPiece();
    }
  } finally {
    for (const { pieces } of open) await pieces.return(undefined);
  }
}
