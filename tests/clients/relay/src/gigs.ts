// What a page of gigs asks: a list that loads more, an item that is refetched by itself, and a bid.
import { graphql } from 'relay-runtime';

export const card = graphql`
  fragment gigs_card on Gig @refetchable(queryName: "gigsCardRefetchQuery") {
    id
    title
    kind
    state
    budget {
      low {
        amount
        currency
      }
      high {
        amount
        currency
      }
    }
    skills {
      name
      required
    }
    client {
      id
      name
      rating {
        average
        count
      }
    }
    viewerCanEdit
  }
`;

export const list = graphql`
  fragment gigs_list on Query
  @refetchable(queryName: "gigsListPaginationQuery")
  @argumentDefinitions(
    count: { type: "Int", defaultValue: 10 }
    cursor: { type: "String" }
    filter: { type: "GigFilterInput" }
  ) {
    gigs(first: $count, after: $cursor, filter: $filter, orderBy: NEWEST) @connection(key: "gigs_list_gigs") {
      edges {
        cursor
        node {
          ...gigs_card
        }
      }
    }
  }
`;

export const page = graphql`
  query gigsPageQuery($filter: GigFilterInput) {
    ...gigs_list @arguments(filter: $filter)
    viewer {
      unreadNotificationCount
      user {
        id
        name
      }
    }
  }
`;

export const gig = graphql`
  query gigsGigQuery($id: ID!) {
    node(id: $id) {
      __typename
      ... on Gig {
        ...gigs_card @alias
        description
        questions {
          id
          text
        }
        proposals(first: 20) @connection(key: "gigs_gig_proposals") {
          edges {
            node {
              id
              state
              submittedAt
              freelancer {
                id
                name
              }
            }
          }
        }
      }
    }
  }
`;

export const bid = graphql`
  mutation gigsBidMutation($input: ProposalSubmitInput!, $connections: [ID!]!) {
    proposalSubmit(input: $input) {
      proposal @appendNode(connections: $connections, edgeTypeName: "ProposalEdge") {
        id
        state
        version
        gig {
          ...gigs_card
        }
      }
      errors {
        __typename
        code
        message
        path
        ... on WrongStateError {
          state
          allowed
        }
      }
    }
  }
`;
