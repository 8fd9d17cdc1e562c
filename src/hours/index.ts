// The door of the hours: closing them, waiting for them, and looking at them.

export { type AwaitHourOptions, type AwaitHourResult, awaitHour } from './await-hour.ts';
export { type CloseHoursOptions, type CloseHoursReport, closeHours, defaultLatenessMs } from './close-hours.ts';
export { type HourAnswer, HourBook, openHourBook } from './hour-book.ts';
export { decodeManifest, type HourManifest, visibleManifest } from './hour-manifest.ts';
export { answerHourRequest, type HourRequest, type HourResponse } from './hour-request.ts';
export { describeLags, type HourStatus, type HourView, type PartitionLag } from './hour-view.ts';
export { type HourCluster, readMarks } from './log-marks.ts';
