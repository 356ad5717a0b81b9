//! Twenty trades and three kinds of people in each: who they say they are, what they can do, what they ask.

/// A trade: what everybody in it can do and asks, and the kinds of people there are.
pub(super) struct Trade {
    /// Slugs of the taxonomy, the strongest first.
    pub core: &'static [&'static str],
    /// US dollars an hour, from beginners to the seasoned.
    pub rates: (i64, i64),
    pub kinds: [Kind; 3],
}

/// One kind of person within a trade.
pub(super) struct Kind {
    pub headline: &'static str,
    pub overview: &'static str,
    /// Slugs, beside the trade's own.
    pub also: &'static [&'static str],
    pub portfolio: &'static str,
}

const fn kind(
    headline: &'static str,
    overview: &'static str,
    also: &'static [&'static str],
    portfolio: &'static str,
) -> Kind {
    Kind { headline, overview, also, portfolio }
}

pub(super) const TRADES: &[Trade] = &[
    Trade {
        core: &["rust", "postgresql", "rest-apis", "docker"],
        rates: (25, 70),
        kinds: [
            kind(
                "Rust and PostgreSQL back-end engineer",
                "I build services that stay up: payment flows, queues and APIs in Rust on PostgreSQL, with tests that fail when they should.",
                &["payment-gateway-integration", "graphql", "kubernetes"],
                "A payments service with idempotent writes",
            ),
            kind(
                "Systems engineer: Rust, networking, protocols",
                "Proxies, parsers and storage engines in Rust. I read packet captures for fun and profiles for a living.",
                &["distributed-systems", "linux", "grpc", "cpp"],
                "A message broker that survives the loss of a disk",
            ),
            kind(
                "Back-end developer moving from Go to Rust",
                "Six years of Go services, two of Rust. APIs that are boring to run, with metrics you can read at night.",
                &["go", "redis", "prometheus"],
                "A search API rewritten from Go at half the cost",
            ),
        ],
    },
    Trade {
        core: &["react", "typescript", "javascript", "css"],
        rates: (15, 45),
        kinds: [
            kind(
                "React and TypeScript front-end developer",
                "Accessible, fast interfaces in React and TypeScript, from a Figma file to production, with care for slow phones.",
                &["next-js", "tailwind-css", "web-accessibility"],
                "A dashboard that loads in a second on 3G",
            ),
            kind(
                "Front-end engineer for data-heavy products",
                "Tables of a million rows, charts that answer questions, forms nobody fears. React, D3 and patience.",
                &["d3-js", "tanstack-query", "web-performance"],
                "A trading screen that redraws sixty times a second",
            ),
            kind(
                "Web developer: Next.js, Tailwind, headless CMS",
                "Marketing sites that editors can change and search engines can read, handed over with a short manual.",
                &["next-js", "tailwind-css", "contentful", "on-page-seo"],
                "A site of 400 pages moved in a weekend",
            ),
        ],
    },
    Trade {
        core: &["node-js", "react", "typescript", "postgresql"],
        rates: (18, 50),
        kinds: [
            kind(
                "Full-stack developer: Node, React, PostgreSQL",
                "Products from the first commit to the first customers: Node services, React front ends, and the deployment between them.",
                &["docker", "aws"],
                "A booking platform with 40,000 users",
            ),
            kind(
                "Full-stack engineer for SaaS: billing, teams, permissions",
                "The parts every SaaS needs and nobody wants to write: subscriptions on Stripe, roles, invitations, audit logs.",
                &["stripe", "nestjs", "graphql"],
                "Subscriptions and invoices for a tool with 900 teams",
            ),
            kind(
                "MERN developer for first versions",
                "An idea in week one, users in week six. I say what to leave out.",
                &["mongodb", "express-js", "socket-io"],
                "A marketplace for used textbooks",
            ),
        ],
    },
    Trade {
        core: &["laravel", "php", "mysql"],
        rates: (12, 35),
        kinds: [
            kind(
                "Laravel and PHP developer",
                "Ten years of Laravel: shops, portals and the integrations that hold them together.",
                &["vue-js", "rest-apis"],
                "A wholesale portal for a textile exporter",
            ),
            kind(
                "Laravel developer: Livewire, Filament, fast admin panels",
                "Back offices that people like to use, built in days, tested in Pest.",
                &["livewire", "tailwind-css", "phpunit"],
                "A back office for a chain of pharmacies",
            ),
            kind(
                "PHP engineer for old code",
                "I take over what others left: CodeIgniter, Symfony, plain PHP. First tests, then order, then features.",
                &["symfony", "codeigniter", "refactoring", "docker"],
                "A nine-year-old ERP brought to PHP 8",
            ),
        ],
    },
    Trade {
        core: &["flutter", "dart", "firebase"],
        rates: (15, 40),
        kinds: [
            kind(
                "Flutter developer for iOS and Android",
                "One code base, two stores: Flutter apps that work offline and sync when the network is back.",
                &["rest-apis", "app-store-submission", "sqlite"],
                "A clinic app used without a connection",
            ),
            kind(
                "Flutter engineer: maps, Bluetooth, background work",
                "The hard corners of Flutter: platform channels, location, devices that talk Bluetooth.",
                &["google-maps-api", "bluetooth-low-energy", "kotlin"],
                "An app that follows a cold chain from farm to port",
            ),
            kind(
                "Mobile app developer, Flutter and Firebase",
                "Chat, payments, push: the usual things done carefully, with screens that feel native.",
                &["push-notifications", "stripe", "supabase"],
                "A tutoring app with 12,000 families",
            ),
        ],
    },
    Trade {
        core: &["react-native", "typescript", "ios", "android"],
        rates: (18, 48),
        kinds: [
            kind(
                "React Native mobile developer",
                "I ship React Native apps and keep them shipping: native modules, releases, crash reports answered the same day.",
                &["expo", "app-store-submission"],
                "A delivery app with live tracking",
            ),
            kind(
                "iOS developer: Swift, SwiftUI, and React Native",
                "Native where it matters, shared where it pays. Eight apps in the store under my name.",
                &["swift", "swiftui", "xcode"],
                "A reading app with offline audio",
            ),
            kind(
                "Android and React Native developer",
                "Kotlin first, React Native for teams that want one code base. Old phones are my test bench.",
                &["kotlin", "jetpack-compose", "push-notifications"],
                "A ride app that works on 2 GB of memory",
            ),
        ],
    },
    Trade {
        core: &["aws", "terraform", "docker", "linux"],
        rates: (25, 75),
        kinds: [
            kind(
                "DevOps engineer: AWS, Terraform, Kubernetes",
                "Infrastructure as code, pipelines people trust, and bills that go down. Certified on AWS and Kubernetes.",
                &["kubernetes", "github-actions", "prometheus"],
                "A migration from one server to three zones without downtime",
            ),
            kind(
                "Site reliability engineer",
                "Alerts that wake you for a reason. Service levels, dashboards, and reviews after incidents that change something.",
                &["kubernetes", "grafana", "datadog", "incident-response"],
                "On-call pages cut from 60 a week to 4",
            ),
            kind(
                "Cloud engineer for small teams: AWS without Kubernetes",
                "Most products need less. ECS, Lambda and a database that is backed up, described in Terraform.",
                &["aws-lambda", "amazon-ecs", "gitlab-ci"],
                "Hosting costs of a start-up brought from 9,000 to 2,100 dollars",
            ),
        ],
    },
    Trade {
        core: &["python", "sql", "dbt"],
        rates: (22, 65),
        kinds: [
            kind(
                "Data engineer: Python, dbt, Airflow, Snowflake",
                "Pipelines that say when they are wrong. Modelling in dbt, orchestration in Airflow, warehouses that stay cheap.",
                &["apache-airflow", "snowflake", "data-modelling"],
                "A warehouse for a chain of 120 pharmacies",
            ),
            kind(
                "Analytics engineer: dbt, BigQuery, Looker",
                "One definition of revenue, tested, documented, and used by everyone.",
                &["bigquery", "looker", "data-quality"],
                "Reports of five teams brought to one model",
            ),
            kind(
                "Data engineer for streams: Kafka, Spark, Flink",
                "Events by the million a minute, counted once. I keep late data from becoming lost data.",
                &["apache-kafka", "apache-spark", "apache-airflow", "scala"],
                "Meter readings of 2 million homes, every quarter of an hour",
            ),
        ],
    },
    Trade {
        core: &["python", "pytorch", "large-language-models"],
        rates: (28, 90),
        kinds: [
            kind(
                "Machine learning engineer, language models",
                "Retrieval, evaluation and fine-tuning of language models for products, not for demos.",
                &["retrieval-augmented-generation", "langchain", "natural-language-processing"],
                "A support assistant that cites its sources",
            ),
            kind(
                "AI engineer: agents and tools on OpenAI and Claude",
                "Agents that do one job well, with a log you can read and a limit they keep.",
                &["openai-api", "ai-agents", "retrieval-augmented-generation", "fastapi"],
                "An agent that files insurance claims, checked by people",
            ),
            kind(
                "Machine learning engineer, computer vision",
                "Detection and reading of documents, on servers and on small devices.",
                &["computer-vision", "opencv", "onnx", "ocr"],
                "Reading of identity cards at 40 a second",
            ),
        ],
    },
    Trade {
        core: &["sql", "microsoft-excel", "data-analysis"],
        rates: (10, 30),
        kinds: [
            kind(
                "Data analyst: SQL, Power BI, Excel",
                "Questions into numbers, numbers into decisions. Clean data first, dashboards second.",
                &["power-bi", "dax"],
                "A weekly report that replaced nine spreadsheets",
            ),
            kind(
                "Product analyst: experiments and funnels",
                "What people do, why they leave, and whether the change helped. Python, SQL and honest intervals.",
                &["a-b-testing", "python", "product-analytics", "statistics"],
                "An onboarding that keeps a third more people",
            ),
            kind(
                "Business analyst, Tableau dashboards",
                "Dashboards that end meetings early. I start with the decision and work back to the data.",
                &["tableau", "business-analysis", "data-visualization"],
                "A sales board for 14 regions",
            ),
        ],
    },
    Trade {
        core: &["figma", "ux-ui-design", "prototyping"],
        rates: (15, 50),
        kinds: [
            kind(
                "UX and UI designer for web products",
                "Research, wireframes, and design systems in Figma that developers thank you for.",
                &["design-systems", "ux-research", "user-interface-design"],
                "A design system for a lender, in English and Urdu",
            ),
            kind(
                "Mobile app designer",
                "Apps drawn for thumbs and bright sun, tested with five people before a line of code.",
                &["interaction-design", "user-interface-design", "wireframing"],
                "A wallet for people who never had a bank account",
            ),
            kind(
                "Product designer: from research to hand-over",
                "I sit in on support calls, then draw. Flows, words and states, not only screens.",
                &["ux-research", "ux-writing", "information-architecture"],
                "A claims process cut from nine steps to three",
            ),
        ],
    },
    Trade {
        core: &["graphic-design", "adobe-illustrator", "adobe-photoshop"],
        rates: (8, 30),
        kinds: [
            kind(
                "Graphic designer: brands and logos",
                "Identities that survive a small screen and a large print. Illustrator by day, lettering by night.",
                &["logo-design", "brand-identity", "typography"],
                "The identity of a coffee roaster",
            ),
            kind(
                "Packaging and print designer",
                "Boxes, labels and books, ready for the printer, with dielines that fold.",
                &["packaging-design", "print-design", "adobe-indesign"],
                "Packaging of a spice line in eleven languages",
            ),
            kind(
                "Illustrator and social media designer",
                "Characters, icons and thirty posts a month in one hand.",
                &["illustration", "social-media-design", "canva", "logo-design"],
                "A mascot that a bank still uses",
            ),
        ],
    },
    Trade {
        core: &["video-editing", "adobe-premiere-pro"],
        rates: (8, 28),
        kinds: [
            kind(
                "Video editor and motion designer",
                "Cuts that keep people watching: product videos, explainers, and shorts by the dozen.",
                &["adobe-after-effects", "motion-graphics", "explainer-videos"],
                "A launch film for a fitness app",
            ),
            kind(
                "YouTube editor: long talks, short clips",
                "An hour of talk becomes a video people finish and eight shorts they share.",
                &["youtube-video-editing", "short-form-video", "subtitling"],
                "A channel from 4,000 to 210,000 subscribers",
            ),
            kind(
                "2D animator and explainer maker",
                "Script to storyboard to screen. One person, one style, on time.",
                &["animation", "adobe-after-effects", "storyboarding", "motion-graphics"],
                "Forty lessons for a school of languages",
            ),
        ],
    },
    Trade {
        core: &["content-writing", "editing-and-proofreading", "english"],
        rates: (10, 35),
        kinds: [
            kind(
                "Technical writer for developer documentation",
                "API references, guides and release notes that readers finish. Former developer; every example runs.",
                &["technical-writing", "openapi", "rest-apis", "git"],
                "The developer guide of a payments API",
            ),
            kind(
                "Copywriter for landing pages and e-mail",
                "Words that sell without shouting. I talk to three customers before I write.",
                &["copywriting", "email-copywriting", "seo-writing"],
                "A page that doubled trials",
            ),
            kind(
                "Editor and blog writer: health and finance",
                "Careful with facts, gentle with jargon. Sources named, readers kept.",
                &["blog-writing", "fact-checking", "seo-writing"],
                "A column on savings, three years running",
            ),
        ],
    },
    Trade {
        core: &["seo", "keyword-research", "google-analytics"],
        rates: (8, 30),
        kinds: [
            kind(
                "SEO specialist and content strategist",
                "Search traffic that buys: audits, keyword maps, and content that answers the question.",
                &["technical-seo", "content-marketing"],
                "From 2,000 to 60,000 visits a month in a year",
            ),
            kind(
                "Technical SEO: large sites, migrations, speed",
                "A million pages and a crawl budget. I find what wastes it and write tickets developers accept.",
                &["technical-seo", "web-performance", "screaming-frog"],
                "A migration of 80,000 pages that kept its traffic",
            ),
            kind(
                "Local SEO and link building",
                "Clinics, lawyers, plumbers: found by people around the corner.",
                &["local-seo", "link-building", "off-page-seo"],
                "Nine dentists on the first page in their towns",
            ),
        ],
    },
    Trade {
        core: &["digital-marketing", "google-ads", "facebook-ads"],
        rates: (10, 40),
        kinds: [
            kind(
                "Performance marketer: Google and Meta ads",
                "Budgets spent as if they were mine. Tracking first, then creatives, then scale.",
                &["google-tag-manager", "conversion-rate-optimization"],
                "A cost per lead cut to a third",
            ),
            kind(
                "E-mail and retention marketer: Klaviyo",
                "Flows that bring people back. Lists kept clean, unsubscribes respected.",
                &["klaviyo", "email-marketing", "marketing-automation"],
                "A third of a shop's revenue from its own list",
            ),
            kind(
                "Social media manager and ads",
                "A calendar, a voice, and answers within the hour, with ads behind the posts that earn it.",
                &["social-media-management", "instagram-marketing", "content-marketing"],
                "A bakery with a queue and 90,000 followers",
            ),
        ],
    },
    Trade {
        core: &["shopify", "wordpress", "css"],
        rates: (8, 28),
        kinds: [
            kind(
                "Shopify store developer",
                "Stores that load fast and check out faster. Liquid, themes and the apps in between.",
                &["shopify-liquid", "javascript", "shopify-apps"],
                "A store that moved from WooCommerce to Shopify overnight",
            ),
            kind(
                "WordPress and WooCommerce developer",
                "Themes and plugins written by hand, without twenty others underneath.",
                &["woocommerce", "php", "wordpress-plugin-development"],
                "A shop of 6,000 articles that answers in half a second",
            ),
            kind(
                "Elementor and Shopify page builder",
                "Landing pages in a day, from your brief to the phone in your hand.",
                &["elementor", "web-design", "wordpress-speed-optimization"],
                "Thirty landing pages for one campaign",
            ),
        ],
    },
    Trade {
        core: &["customer-service", "email-support", "english"],
        rates: (5, 16),
        kinds: [
            kind(
                "Customer support lead",
                "Calm answers in writing and by phone, in your customers' hours, with a help centre that shrinks the queue.",
                &["zendesk", "live-chat-support", "complaint-management"],
                "A queue of 900 tickets brought to 40",
            ),
            kind(
                "Technical support, SaaS",
                "I reproduce the bug before I write the ticket. SQL when it helps, plain words always.",
                &["technical-support", "intercom", "sql"],
                "First answers in eleven minutes, day and night",
            ),
            kind(
                "Virtual assistant and chat support",
                "Inbox, calendar, orders, and the customer who writes at midnight.",
                &["live-chat-support", "administrative-support", "data-entry", "calendar-management"],
                "The back office of a shop with two owners",
            ),
        ],
    },
    Trade {
        core: &["bookkeeping", "accounting", "bank-reconciliation"],
        rates: (7, 25),
        kinds: [
            kind(
                "Bookkeeper: QuickBooks and Xero",
                "Books closed by the fifth, reconciled to the cent, ready for your accountant.",
                &["quickbooks", "xero"],
                "Two years of books caught up in six weeks",
            ),
            kind(
                "Accountant for US small business, ACCA",
                "Monthly close, payroll and the questions your tax adviser will ask, answered beforehand.",
                &["quickbooks", "payroll", "financial-statements", "tax-preparation"],
                "Books of eleven restaurants under one roof",
            ),
            kind(
                "E-commerce bookkeeper: Shopify, Amazon, Stripe",
                "Payouts matched to orders, fees where they belong, stock that adds up.",
                &["xero", "inventory-management", "accounts-receivable"],
                "Three marketplaces reconciled every morning",
            ),
        ],
    },
    Trade {
        core: &["test-automation", "software-testing", "api-testing"],
        rates: (12, 40),
        kinds: [
            kind(
                "Test automation engineer",
                "Suites in Playwright and Cypress that find the bug before the customer does, and run in minutes.",
                &["playwright", "cypress", "typescript"],
                "A release cycle cut from two weeks to two days",
            ),
            kind(
                "QA engineer: manual first, automated second",
                "I break it by hand, write down how, then teach a machine to do it every night.",
                &["manual-testing", "selenium", "jira"],
                "Four hundred cases for a hospital system",
            ),
            kind(
                "Performance and API tester",
                "Load before launch, numbers instead of hopes.",
                &["performance-testing", "jmeter", "k6", "postman"],
                "A ticket shop that held 30,000 buyers at once",
            ),
        ],
    },
];
