import type { Place } from '../route.ts';
import { TopicDetail } from './topics/topic-detail.tsx';
import { TopicList } from './topics/topic-list.tsx';

export function TopicsPage({ place }: { place: Place }) {
  const [topic] = place.rest;
  return topic === undefined ? <TopicList /> : <TopicDetail key={topic} topic={topic} />;
}
