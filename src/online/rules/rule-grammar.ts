import * as ohm from 'ohm-js';

/**
 * The language, as a parsing expression grammar. Keywords may be written in any case; `#` and `--` begin a comment.
 * Names of types and fields are words; others stand in backquotes.
 */
export const ruleGrammar = ohm.grammar(
  String.raw`
Rules {
  Program = Rule*
  Rule = Heading? when Pattern Clause* action Actions ";"?
  Heading = rule name
  Pattern = First Next*
  First = Step
  Next = Link Step
  Link = not? followedBy
  Step = Count Or        -- prefixed
       | Or Count        -- suffixed
       | Or              -- once
  Count = atLeast? integer times
  Or = And (or And)*
  And = Unary (and Unary)*
  Unary = not Unary -- not
        | Primary
  Primary = "(" Or ")"                -- group
          | Field Comparison         -- comparison
          | name ~"."                -- event
  Comparison = not equals Literal          -- notEquals
             | operator Literal            -- operator
             | not? in "(" ListOf<Literal, ","> ")"  -- in
             | not? matches string              -- matches
             | exists                           -- exists
  Field = name ("." name)+
  operator (a comparison) = equals | "==" | "!=" | "<>" | "<=" | ">=" | "=" | "<" | ">"

  Clause = within tumbling duration        -- tumblingBehind
         | tumbling within? duration       -- tumbling
         | within sliding? duration        -- within
         | forEach NonemptyListOf<Path, ","> -- forEach
         | allow lateness duration         -- lateness
         | afterMatch Policy               -- afterMatch
  Path = name ("." name)*
  Policy = skip past last event -- past
         | skip to last event              -- to
         | no skip                         -- none
  
  Actions = NonemptyListOf<Action, ",">
  Action = name Parameters? Target?
  Parameters = "(" ListOf<Parameter, ","> ")"
  Parameter = name "=" Value
  Value = Literal -- literal
        | Field   -- field
  Target = to topic string     -- topic
         | to http string      -- http
         | to redis string     -- redis
         | to log              -- log
         | to dashboard        -- dashboard

  Literal (a value) = string | number | true | false | null
  string (a text in quotes) = "\"" (escape | ~"\"" ~"\n" any)* "\"" -- double
         | "'" (escape | ~"'" ~"\n" any)* "'"    -- single
  escape = "\\" any
  number (a number) = "-"? digit+ ("." digit+)? (("e"|"E") ("+"|"-")? digit+)? ~wordPart
  integer (a count) = digit+ ~wordPart
  name (a name) = ~keyword word
                | "` +
    '`" (~"`" any)+ "`' +
    String.raw`" -- quoted
  word = wordStart wordPart*
  wordStart = letter | "_"
  wordPart = alnum | "_"

  keyword = when | followedBy | and | or | not | in | matches | exists | equals | within | forEach | allow | afterMatch | action | rule
          | times | atLeast | tumbling | true | false | null
  when = caseInsensitive<"when"> ~wordPart
  followedBy = caseInsensitive<"followed-by"> ~wordPart
  and = caseInsensitive<"and"> ~wordPart
  or = caseInsensitive<"or"> ~wordPart
  not = caseInsensitive<"not"> ~wordPart
  in = caseInsensitive<"in"> ~wordPart
  matches = caseInsensitive<"matches"> ~wordPart
  exists = caseInsensitive<"exists"> ~wordPart
  equals = caseInsensitive<"equals"> ~wordPart
  within = caseInsensitive<"within"> ~wordPart
  sliding = caseInsensitive<"sliding"> ~wordPart
  tumbling = caseInsensitive<"tumbling"> ~wordPart
  forEach = caseInsensitive<"for"> space* caseInsensitive<"each"> ~wordPart
  allow = caseInsensitive<"allow"> ~wordPart
  lateness = caseInsensitive<"lateness"> ~wordPart
  afterMatch = caseInsensitive<"after"> space+ caseInsensitive<"match"> ~wordPart
  skip = caseInsensitive<"skip"> ~wordPart
  past = caseInsensitive<"past"> ~wordPart
  last = caseInsensitive<"last"> ~wordPart
  event = caseInsensitive<"event"> ~wordPart
  no = caseInsensitive<"no"> ~wordPart
  action = caseInsensitive<"action"> ~wordPart
  rule = caseInsensitive<"rule"> ~wordPart
  times = caseInsensitive<"times"> ~wordPart
  atLeast = caseInsensitive<"at"> space+ caseInsensitive<"least"> ~wordPart
  to = caseInsensitive<"to"> ~wordPart
  topic = caseInsensitive<"topic"> ~wordPart
  http = caseInsensitive<"http"> ~wordPart
  redis = caseInsensitive<"redis"> ~wordPart
  log = caseInsensitive<"log"> ~wordPart
  dashboard = caseInsensitive<"dashboard"> ~wordPart
  true = caseInsensitive<"true"> ~wordPart
  false = caseInsensitive<"false"> ~wordPart
  null = caseInsensitive<"null"> ~wordPart
  duration (a duration such as 2 hours) = digit+ ("." digit+)? space* letter+
  space += comment
  comment = ("#" | "--") (~"\n" any)*
}
`,
);

/** Words that are no names, unless in backquotes; `for each`, `after match` and `at least` are reserved by their first word. */
export const keywords: ReadonlySet<string> = new Set(
  (
    'when and or not in matches exists equals within for allow after action rule times at tumbling true false null ' +
    'followed each match least'
  ).split(' '),
);
