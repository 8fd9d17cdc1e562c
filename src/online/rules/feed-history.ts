import { SluiceError } from '../../shared/index.ts';
import type { EventColumns } from './event-columns.ts';
import type { HistoryEvents, HistoryPartition } from './history-events.ts';
import type { RuleEngine } from './rule-engine.ts';

interface OpenPartition {
  place: HistoryPartition;
  pieces: AsyncGenerator<EventColumns>;
  maxTimeMs: number;
}

export interface FeedHistoryOptions {
  /** Nothing comes behind the history, so nothing waits for a partition that has come to its end. */
  isWhole: boolean;
  /** For events that wait for a partition that goes on in the log only. */
  maxWaitingBytes: number;
  /** Called after each piece. */
  onPiece: () => void;
}

/**
 * Feeds an engine with the whole history, all partitions side by side, the one that lags behind in event time first: so few events wait
 * for each other. The engine's partitions must be assigned.
 */
export async function feedHistory(
  history: HistoryEvents,
  engine: RuleEngine,
  { isWhole, maxWaitingBytes, onPiece }: FeedHistoryOptions,
): Promise<void> {
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
        const { topic, partition: number, next } = partition.place;
        engine.skipTo(topic, number, next);
        if (isWhole) engine.end(topic, number);
        open.shift();
        continue;
      }
      engine.push(piece.value);
      for (const timeMs of piece.value.times) if (timeMs > partition.maxTimeMs) partition.maxTimeMs = timeMs;
      if (engine.waitingBytes > maxWaitingBytes) {
        throw new SluiceError(
          'history-too-uneven',
          `events of the history wait for those of partitions whose history ends much earlier, and take more than ${maxWaitingBytes} bytes; raise --max-state, or begin without --history`,
        );
      }
      onPiece();
    }
  } finally {
    for (const { pieces } of open) await pieces.return(undefined);
  }
}
