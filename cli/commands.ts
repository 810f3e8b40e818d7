/** Every command, in the order of the help. */
import type { Command } from './command.ts';
import { agentCommand } from './commands/agent.ts';
import { benchAgentCommand } from './commands/bench-agent.ts';
import { benchCoreCommand } from './commands/bench-core.ts';
import { benchElasticCommand } from './commands/bench-elastic.ts';
import { benchInvokeCommand } from './commands/bench-invoke.ts';
import { benchProfileCommand } from './commands/bench-profile.ts';
import { benchMementoCommand } from './commands/bench-memento.ts';
import { benchQueueCommand } from './commands/bench-queue.ts';
import { benchReclaimCommand } from './commands/bench-reclaim.ts';
import { benchSpansCommand } from './commands/bench-spans.ts';
import { benchSimulateCommand } from './commands/bench-simulate.ts';
import { compareCommand } from './commands/compare.ts';
import { completionCommand } from './commands/completion.ts';
import { configCheckCommand } from './commands/config-check.ts';
import { configShowCommand } from './commands/config-show.ts';
import { cordonCommand, uncordonCommand } from './commands/cordon.ts';
import { dagsCommand } from './commands/dags.ts';
import { deployCommand } from './commands/deploy.ts';
import { drainCommand } from './commands/drain.ts';
import { targetsCommand } from './commands/targets.ts';
import { explainCommand } from './commands/explain.ts';
import { functionBuildCommand } from './commands/function-build.ts';
import { functionImportCommand } from './commands/function-import.ts';
import { functionInitCommand } from './commands/function-init.ts';
import { functionListCommand } from './commands/function-list.ts';
import { functionsCommand } from './commands/functions.ts';
import { imagesBuildCommand } from './commands/images-build.ts';
import { imagesExportCommand } from './commands/images-export.ts';
import { imagesListCommand } from './commands/images-list.ts';
import { instancesCommand } from './commands/instances.ts';
import { invokeCommand } from './commands/invoke.ts';
import { kernelBisectCommand } from './commands/kernel-bisect.ts';
import { kernelCheckCommand } from './commands/kernel-check.ts';
import { ledgerDenialsCommand } from './commands/ledger-denials.ts';
import { ledgerExportCommand } from './commands/ledger-export.ts';
import { ledgerLineageCommand } from './commands/ledger-lineage.ts';
import { ledgerMeterCommand } from './commands/ledger-meter.ts';
import { ledgerVerifyCommand } from './commands/ledger-verify.ts';
import { ledgerWhoCommand } from './commands/ledger-who.ts';
import { ledgerWhyCommand } from './commands/ledger-why.ts';
import { logsCommand } from './commands/logs.ts';
import { muxClassifyCommand } from './commands/mux-classify.ts';
import { muxExtractCommand } from './commands/mux-extract.ts';
import { muxFitCommand } from './commands/mux-fit.ts';
import { operationsCommand } from './commands/operations.ts';
import { profileCompareCommand } from './commands/profile-compare.ts';
import { profileReportCommand } from './commands/profile-report.ts';
import { profileRunCommand } from './commands/profile-run.ts';
import { profileTiersCommand } from './commands/profile-tiers.ts';
import { quickstartCommand } from './commands/quickstart.ts';
import { regionsCommand } from './commands/regions.ts';
import { removeCommand } from './commands/remove.ts';
import { replayPaperCommand } from './commands/replay-paper.ts';
import { replayCommand } from './commands/replay.ts';
import { reportCommand } from './commands/report.ts';
import { resultsExportCommand } from './commands/results-export.ts';
import { simulateCommand } from './commands/simulate.ts';
import { simulateDecisionsCommand } from './commands/simulate-decisions.ts';
import { simulatePaperCommand } from './commands/simulate-paper.ts';
import { simulateDagsCommand } from './commands/simulate-dags.ts';
import { simulateTiersCommand } from './commands/simulate-tiers.ts';
import { simulateSizingCommand } from './commands/simulate-sizing.ts';
import { statusCommand } from './commands/status.ts';
import { tiersCommand } from './commands/tiers.ts';
import { topCommand } from './commands/top.ts';
import { traceDagsCommand } from './commands/trace-dags.ts';
import { traceGenerateCommand } from './commands/trace-generate.ts';
import { traceInspectCommand } from './commands/trace-inspect.ts';
import { traceSampleCommand } from './commands/trace-sample.ts';
import { traceValidateCommand } from './commands/trace-validate.ts';
import { vmsCommand } from './commands/vms.ts';

export const COMMANDS: readonly Command[] = [
  quickstartCommand,
  imagesBuildCommand,
  imagesListCommand,
  imagesExportCommand,
  agentCommand,
  configCheckCommand,
  configShowCommand,
  functionInitCommand,
  functionBuildCommand,
  functionImportCommand,
  functionListCommand,
  deployCommand,
  invokeCommand,
  logsCommand,
  statusCommand,
  tiersCommand,
  topCommand,
  functionsCommand,
  dagsCommand,
  vmsCommand,
  instancesCommand,
  regionsCommand,
  operationsCommand,
  explainCommand,
  targetsCommand,
  drainCommand,
  cordonCommand,
  uncordonCommand,
  removeCommand,
  ledgerVerifyCommand,
  ledgerLineageCommand,
  ledgerWhoCommand,
  ledgerWhyCommand,
  ledgerDenialsCommand,
  ledgerMeterCommand,
  ledgerExportCommand,
  replayCommand,
  replayPaperCommand,
  reportCommand,
  resultsExportCommand,
  traceInspectCommand,
  traceValidateCommand,
  traceSampleCommand,
  traceDagsCommand,
  traceGenerateCommand,
  simulateCommand,
  simulateDecisionsCommand,
  simulateDagsCommand,
  simulateTiersCommand,
  simulateSizingCommand,
  simulatePaperCommand,
  compareCommand,
  profileRunCommand,
  profileReportCommand,
  profileCompareCommand,
  profileTiersCommand,
  muxClassifyCommand,
  muxExtractCommand,
  muxFitCommand,
  benchReclaimCommand,
  benchInvokeCommand,
  benchAgentCommand,
  benchCoreCommand,
  benchElasticCommand,
  benchSpansCommand,
  benchQueueCommand,
  benchMementoCommand,
  benchProfileCommand,
  benchSimulateCommand,
  kernelCheckCommand,
  kernelBisectCommand,
  completionCommand,
];
