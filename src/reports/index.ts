// The door of the reports: making one from the warehouse, showing it, and sending it by mail once.
export {
  type DailyReport,
  type DailyReportOptions,
  defaultGroupA,
  defaultNetwork,
  type Figure,
  type FigureValue,
  makeDailyReport,
} from './daily-report.ts';
export { DayCache } from './day-cache.ts';
export { type Delivery, type DeliveryOutcome, deliverReport, knownDelivery } from './deliver-report.ts';
export { NumberFormat } from './number-format.ts';
export { renderHtml } from './render-html.ts';
export { renderText } from './render-text.ts';
export { type ReportDay, reportDays, yesterdayIn } from './report-days.ts';
export { reportJson } from './report-json.ts';
export { chooseTable, ReportRefusedError } from './report-table.ts';
export { type Mailer, type MailMessage, SmtpMailer, type SmtpSettings } from './smtp-mailer.ts';
